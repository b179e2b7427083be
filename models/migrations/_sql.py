"""Reads the hand-written SQL of a migration."""

from pathlib import Path


def script(name: str) -> str:
    return (Path(__file__).parent / "sql" / name).read_text(encoding="utf-8")
