"""Addresses: base58 inside, hex where the chain's own shapes want it."""

from __future__ import annotations

from functools import lru_cache

from tronpy import keys

NOBODY = "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb"
"""Twenty zero bytes."""


@lru_cache(maxsize=100_000)
def base58(address: str | bytes) -> str:
    """Of base58, of hex with its 41, or of 20 or 21 bytes. ValueError where it is no address."""
    try:
        return str(keys.to_base58check_address(address))
    except Exception:  # noqa: BLE001  the library fails in many ways on what is no address
        raise ValueError(f"no Tron address: {address!r}") from None


@lru_cache(maxsize=100_000)
def raw(address: str) -> bytes:
    """21 bytes."""
    return bytes(keys.to_raw_address(address))


def word(address: str) -> str:
    """As an argument of a call or a topic of a log: 32 bytes, hex."""
    return raw(address)[1:].hex().zfill(64)


def shown(address: str, visible: bool) -> str:
    return address if visible else raw(address).hex()


def as_log(address: str, visible: bool) -> str:
    """A log's own address is without the 41, unless addresses are asked for in base58."""
    return address if visible else raw(address)[1:].hex()
