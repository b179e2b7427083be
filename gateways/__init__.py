"""The outside world: one file or folder per system, with its Protocol in our words, its receipts and its HTTP client.

What is asked of a system ends in one of three ways: an answer, `Refused` (it said no, for good) or `Unsure` (nobody knows).
"""
