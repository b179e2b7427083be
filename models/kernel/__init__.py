"""What every noun is made of: money, lifecycles, rows, refusals, the clock, who asks. Imports no sibling."""
