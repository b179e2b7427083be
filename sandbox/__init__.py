"""The outside world in a box: a web process that plays every outside system over real HTTP, in memory, and misbehaves
when it is told to. For development and tests; it refuses to start anywhere else. docs/sandbox.md is its manual."""
