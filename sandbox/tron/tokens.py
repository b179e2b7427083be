"""The token contracts of the chain, and how a call of one is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tronpy.keys import PrivateKey, keccak256

from sandbox.tron.addresses import base58, word

WHALE_KEY = PrivateKey.from_passphrase(b"sandbox whale")
WHALE = base58(WHALE_KEY.public_key.to_base58check_address())
"""Holds the supply of every token; deposits come from here where nothing else is said."""
FAKE_CONTRACT = "TA26VnhDwL19E5bq6ezURAeN3KyDZnTVNr"
"""Calls itself Tether USD, and is worth nothing."""
MANY_CONTRACT = "TS1yp7cTV3SuL2P3yABTA1vXqf9AD8A4Jv"
"""Sends several transfers in one transaction."""
SUPPLY = 10**18
TRANSFER_TOPIC = keccak256(b"Transfer(address,address,uint256)").hex()


def selector(signature: str) -> bytes:
    return bytes(keccak256(signature.encode())[:4])


TRANSFER = selector("transfer(address,uint256)")


@dataclass(frozen=True, slots=True)
class Token:
    address: str
    symbol: str = "TKN"
    name: str = "Some token"
    decimals: int = 6
    returns_true: bool = True
    """The real USDT answers 0 from a transfer that went well."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A Transfer event."""

    token: str
    sender: str
    to: str
    amount: int

    def log(self) -> tuple[list[str], str]:
        """Topics and data."""
        return [TRANSFER_TOPIC, word(self.sender), word(self.to)], f"{self.amount:064x}"


def transfer_data(to: str, amount: int) -> bytes:
    return TRANSFER + bytes.fromhex(word(to)) + amount.to_bytes(32, "big")


def read_transfer(data: bytes) -> tuple[str, int] | None:
    """To whom and how much, where the call is a transfer."""
    if data[:4] != TRANSFER or len(data) < 68:
        return None
    return base58(data[16:36]), int.from_bytes(data[36:68], "big")


def _function(name: str, inputs: list[tuple[str, str]], output: str, *, view: bool = True) -> dict[str, Any]:
    return {
        "type": "Function",
        "name": name,
        "inputs": [{"name": called, "type": kind} for called, kind in inputs],
        "outputs": [{"type": output}],
        "stateMutability": "View" if view else "Nonpayable",
        **({"constant": True} if view else {}),
    }


ABI: list[dict[str, Any]] = [
    _function("name", [], "string"),
    _function("symbol", [], "string"),
    _function("decimals", [], "uint8"),
    _function("totalSupply", [], "uint256"),
    _function("balanceOf", [("who", "address")], "uint256"),
    _function("isBlackListed", [("who", "address")], "bool"),
    _function("transfer", [("_to", "address"), ("_value", "uint256")], "bool", view=False),
    {
        "type": "Event",
        "name": "Transfer",
        "inputs": [
            {"indexed": True, "name": "from", "type": "address"},
            {"indexed": True, "name": "to", "type": "address"},
            {"name": "value", "type": "uint256"},
        ],
    },
]
