"""A merchant's own server, which is told how his disputes ended."""
