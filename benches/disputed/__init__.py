"""The parts of the group `disputes`: billing and an adapter that cost nothing, what a worker carries, and what waits."""
