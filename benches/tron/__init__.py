"""The parts of the group `payments`: the chain, what a tick costs, and how much goes through it."""
