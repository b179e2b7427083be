"""The outside world, played over real HTTP: for development and tests, never reached from production."""
