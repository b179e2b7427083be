"""Disputes: a payer says that he paid, billing says that he did not; a dispute finds out, and corrects billing.

A merchant opens one about a payment of an invoice. A worker asks the payment's provider: first whether the payment succeeded
after all, then to open a dispute of its own; it asks what became of that, later and later, until it is decided or the deadline has
passed. Where the provider has no door for disputes the support desk gets it, and where a machine cannot tell, a human: every
wait ends with one. What the provider confirms becomes an adjustment: a job that makes billing put the payment right, first the
amount, then the status, and ends together with its dispute. The merchant sees three statuses, staff see nine.

    created -> pending -> create_adjustment -> succeeded       pending -> created (no dispute of the provider is known)
    created | pending | create_adjustment -> manual_pending -> create_adjustment | succeeded
    created -> already_exist_created -> pending                pending -> pooling_expired -> pending
    every open one -> succeeded | failed | cancelled

Billing, providers, the support desk and merchants' own servers are asked between two units, never in one. The adjustment and
the notification are children of their dispute: what happens to them are events of the dispute.
"""
