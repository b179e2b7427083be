"""The parts of the group `feed`: its processes, its floor, and what is measured of it."""
