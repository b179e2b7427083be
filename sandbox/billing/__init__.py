"""Billing: invoices, their payments, the terminals that took them, and adjustments that put a payment right."""
