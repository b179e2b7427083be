"""Pledges: a person sets money aside and gets it back when the pledge is kept. Only a test knows this noun.

[*] --> OPEN, OPEN --> KEPT: keep
"""
