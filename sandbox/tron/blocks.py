"""Blocks. One that was there before the sandbox began is empty, and known by its number alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.tron.execution import Outcome
from sandbox.tron.state import Draft, Values
from sandbox.tron.tokens import Transfer
from sandbox.tron.transactions import Tx, shape

WITNESS = "TPLPUGSbYxaAZfnqPx2cSJSk7uxLRVY1tH"
VERSION = 31

Edict = Callable[[Draft], None]
"""A change of the state that no transaction makes."""


@dataclass(slots=True)
class Entry:
    tx: Tx
    outcome: Outcome


@dataclass(slots=True)
class Block:
    number: int
    id: str
    parent: str
    at: int
    items: list[Tx | Edict] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    before: Values = field(default_factory=dict)
    """What stood where this block wrote."""
    unsolid_for: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """A transfer that is in a block."""

    tx_id: str
    log_index: int
    block: int
    at: int
    transfer: Transfer


def block_id(number: int, fork: int) -> str:
    """The same in every sandbox, unless a reorganisation changed it: clients remember blocks across restarts."""
    digest = hashlib.sha256(f"{number} {fork}".encode()).digest()
    return (number.to_bytes(8, "big") + digest[8:]).hex()


def transfers_of(block: Block) -> list[Seen]:
    return [
        Seen(entry.tx.id, index, block.number, block.at, transfer)
        for entry in block.entries
        for index, transfer in enumerate(entry.outcome.transfers)
    ]


def block_shape(block: Block, visible: bool, witness: str) -> dict[str, Any]:
    """As a node prints it."""
    digest = hashlib.sha256("".join(entry.tx.id for entry in block.entries).encode()).hexdigest()
    header = {
        **({"number": block.number} if block.number else {}),
        "txTrieRoot": digest if block.entries else "0" * 64,
        "witness_address": witness,
        "parentHash": block.parent,
        "version": VERSION,
        "timestamp": block.at,
    }
    shown = [shape(entry.tx, visible, entry.outcome.result or "SUCCESS") for entry in block.entries]
    return {
        "blockID": block.id,
        "block_header": {"raw_data": header, "witness_signature": (block.id + block.parent + "00")[:130]},
        **({"transactions": shown} if shown else {}),
    }
