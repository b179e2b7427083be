"""Where the house of these settings is reached from this machine."""

from __future__ import annotations

from settings import Settings

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  compared


def address(config: Settings, offset: int = 0, scheme: str = "http") -> str:
    """Of the API, or with an offset of what listens behind it; usable also when it listens on all addresses."""
    host = EVERYWHERE.get(config.host, config.host)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{config.port + offset}"
