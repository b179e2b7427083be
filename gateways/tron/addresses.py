"""Addresses of Tron: base58 where people and other systems see them; a node writes them in hex too.

bip-utils makes and checks them, and not tronpy, whose import takes a second: the API needs addresses, and nothing else.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bip_utils.addr.trx_addr import TrxAddrDecoder
from bip_utils.base58 import Base58Encoder

PREFIX = b"\x41"
_HEX = re.compile(r"(?:41)?([0-9a-f]{40})")
_LONGEST = 64


def valid_address(text: str) -> bool:
    """Whether it is the base58 of an address, with the right checksum."""
    try:
        body_of(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1_024)
def body_of(address: str) -> bytes:
    """The twenty bytes without prefix, of which contracts speak. ValueError: it is no address.

    Kept, since the same few are asked for again and again: the contract's with every transaction of a block.
    """
    if len(address) > _LONGEST:
        raise ValueError("not an address")
    return bytes(TrxAddrDecoder.DecodeAddr(address))


def raw_of(address: str) -> bytes:
    """The 21 bytes that stand in a transaction. ValueError: it is no address."""
    return PREFIX + body_of(address)


def address_of(body: bytes) -> str:
    """The base58 of twenty bytes."""
    return str(Base58Encoder.CheckEncode(PREFIX + body))


def body_told(text: str) -> bytes:
    """Of an address as a node may write it: hex with or without prefix, or base58. ValueError: it is none."""
    if found := _HEX.fullmatch(text.lower()):
        return bytes.fromhex(found[1])
    return body_of(text)
