"""What is wrong with the ways to pay in: settings, keys, the node, the scan, and payments that call for a human."""

from __future__ import annotations

from gateways.receipts import Refused, Unsure
from gateways.tron.words import SYSTEM, Block, Node
from gateways.wiring import issuers
from models.kernel.clock import now
from models.payments import reads
from server.diagnosis import Diagnosis
from settings import settings

BEHIND_MAX = 200
"""Blocks; Tron makes twenty a minute."""
STANDS_SECONDS = 300
ATTENTION = "`payments(filter: {needsAttention: true}) { edges { node { check { failedStep lastError } } } }` says why."
NEEDS = {"tron": "SALDO_TRON_URL", "bank_transfer": "SALDO_BANK_ACCOUNT and SALDO_BANK_SECRET"}


async def payments(*, database: bool) -> list[Diagnosis]:
    """By the settings of this process: those of the API and of a worker differ in their keys. `database`: it is there."""
    found, solid = await _tron()
    kept = [*await _gateways(), *await _scan(solid), await _attention()] if database else []
    return [*found, _bank(), *kept]


async def _tron() -> tuple[list[Diagnosis], Block | None]:
    if not settings().tron_node:
        return [Diagnosis("Tron", "not offered: SALDO_TRON_URL is not set")], None
    from gateways.tron.account import check_addresses  # noqa: PLC0415  a second to load, and not everybody offers Tron
    from gateways.tron.node import HttpNode, connection  # noqa: PLC0415

    try:
        check_addresses()
    except ValueError as wrong:
        return [Diagnosis("Tron", str(wrong), "Set it rightly; the API and every worker need the same.")], None
    found = [Diagnosis("Tron", "offered"), _keys()]
    async with connection() as outside:
        node = HttpNode(outside)
        try:
            solid = await node.solid_head()
        except (Refused, Unsure) as no:
            advice = (
                "Does `saldo sandbox` run?" if _is_sandbox() else "Are SALDO_TRON_URL and SALDO_TRON_API_KEY right?"
            )
            return [*found, Diagnosis("Tron's node", f"does not answer: {no}", advice)], None
        return [*found, _head(solid), await _index(node)], solid


def _is_sandbox() -> bool:
    return settings().development and not settings().tron_url


def _keys() -> Diagnosis:
    if not settings().tron_private_key.get_secret_value():
        return Diagnosis("Tron's keys", "the public one alone, which is right for the API; a worker needs the others")
    from gateways.tron.keys import HotKeys  # noqa: PLC0415

    try:
        keys = HotKeys()
    except ValueError as wrong:
        return Diagnosis("Tron's keys", str(wrong), "A worker does not start so: bring the keys that belong together.")
    return Diagnosis(
        "Tron's keys", "fit" if keys.can_top_up else "fit; without SALDO_TRON_MAIN_KEY nothing is topped up"
    )


def _head(solid: Block) -> Diagnosis:
    age = (now() - solid.at).total_seconds()
    stands = "It stands still: use another node." if age > STANDS_SECONDS else ""
    return Diagnosis("Tron's node", f"block {solid.number} is solid, of {max(0, age):.0f} s ago", stands)


async def _index(node: Node) -> Diagnosis:
    """A node may be without one: then the scan alone finds deposits."""
    try:
        await node.transactions_to(settings().tron_main_wallet, now())
    except Refused:
        return Diagnosis("Tron's index", "none: what the scan does not see is not found by address either")
    except Unsure as no:
        return Diagnosis("Tron's index", f"no answer: {no}")
    return Diagnosis("Tron's index", "answers")


def _bank() -> Diagnosis:
    if "bank_transfer" in issuers():
        return Diagnosis("bank", "offered; its webhooks are taken at /webhooks/bank")
    return Diagnosis("bank", f"not offered: {NEEDS['bank_transfer']} are not set")


async def _gateways() -> list[Diagnosis]:
    there = await reads.offered(None)
    lacking = [(one, NEEDS.get(one.service)) for one in there if one.service not in issuers()]
    return [
        Diagnosis("gateways", ", ".join(one.code for one in there) or "none is offered"),
        *(
            Diagnosis(
                f"gateway {one.code}",
                "cannot make payments",
                f"Set {needed}, or disable it."
                if needed
                else f"Nobody here knows the service {one.service}: change it.",
            )
            for one, needed in lacking
        ),
    ]


async def _scan(solid: Block | None) -> list[Diagnosis]:
    if solid is None:
        return []
    cursor = await reads.cursor(SYSTEM)
    if cursor is None:
        return [Diagnosis("Tron's scan", "not begun: a worker's first tick begins it")]
    behind = max(0, solid.number - cursor.block)
    advice = "Does a worker run? If it does, it catches up." if behind > BEHIND_MAX else ""
    return [Diagnosis("Tron's scan", f"{behind} blocks behind", advice)]


async def _attention() -> Diagnosis:
    calling = (await reads.backlog()).attention
    return Diagnosis("payments", f"{calling} need attention", ATTENTION if calling else "")
