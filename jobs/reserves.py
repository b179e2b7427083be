"""Whether what stands on the chain covers what we owe: asked, compared, and never mended by itself. [spec/deals §7.5]"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

import sentry_sdk
import structlog

from gateways.receipts import Unsure
from gateways.tron.words import SYSTEM, Node
from jobs.running import Tools
from models.kernel.clock import now
from models.kernel.money import Money
from models.payments import reads
from models.payments.reads import Books, Holding
from models.work.operations import Report

log = structlog.get_logger("jobs")
CURRENCY = "USDT"
AT_ONCE = 8


async def prove_reserves(tools: Tools) -> Report:
    """Ask the chain what stands on the main wallet and on the deposit addresses that should hold most, and compare it with
    the books. What differs is told; from an address that gave no answer nothing is concluded."""
    if tools.outside.node is None:
        return Report()
    proof, missing, owed = await _proof(tools, tools.outside.node)
    if missing:
        _tell("the chain has less than the books say", missing, "fatal")
    if owed:
        _tell("more is owed than stands on the chain", owed, "warning")
    differences = missing + owed
    result = {"finished_at": now().isoformat(), "differences": differences[:20], **proof}
    return Report(done=proof["addresses"], failures=len(differences), result=result)


def _tell(what: str, differences: list[str], level: Literal["fatal", "warning"]) -> None:
    log.error("reserves_differ", what=what, differences=differences[:3], count=len(differences))
    sentry_sdk.capture_message(f"{what}: {'; '.join(differences[:3])}", level=level)


async def _proof(tools: Tools, node: Node) -> tuple[dict[str, Any], list[str], list[str]]:
    """What was found, where something is missing, and whether more is owed than there is."""
    should = await reads.on_addresses(SYSTEM)
    books = await reads.books(SYSTEM, CURRENCY)
    block = await node.solid_head()
    main = Money(await node.token_balance(tools.settings.tron_main_wallet), CURRENCY)
    found = await _deposits(node, await reads.holdings(SYSTEM, tools.settings.reserves_addresses_max))
    missing = await _short(node, found.short)
    if main < books.treasury:
        missing.append(f"the main wallet holds {main}, the books say {books.treasury}")
    believed = max(0, should.left_minor - found.answered_for_minor)
    owed = _owed(books, Money(main.minor + found.there_minor + believed + should.moving_minor, CURRENCY))
    proof = {
        "block": block.number,
        "at": block.at.isoformat(),
        "currency": CURRENCY,
        "main_minor": main.minor,
        "deposits_minor": found.there_minor,
        "liabilities_minor": books.liabilities.minor,
        "treasury_minor": books.treasury.minor,
        "booked_deposits_minor": books.deposits.minor,
        "addresses": found.asked,
        "unanswered": found.unanswered,
        "not_asked": max(0, should.count - found.asked),
    }
    return proof, missing, owed


def _owed(books: Books, at_most: Money) -> list[str]:
    """`at_most` is what was found, what is under way, and what the books say of addresses that did not answer."""
    if at_most < books.liabilities:
        return [f"{books.liabilities} are owed, and no more than {at_most} stand on the chain"]
    return []


@dataclass(slots=True)
class _Found:
    """What deposit addresses answered."""

    asked: int = 0
    unanswered: int = 0
    there_minor: int = 0
    answered_for_minor: int = 0
    """What the books say of those that answered."""
    short: list[Holding] = field(default_factory=list)


async def _deposits(node: Node, holdings: list[Holding]) -> _Found:
    gate, found = asyncio.Semaphore(AT_ONCE), _Found(asked=len(holdings))

    async def one(holding: Holding) -> None:
        try:
            async with gate:
                there = await node.token_balance(holding.address)
        except Unsure:
            found.unanswered += 1
            return
        found.there_minor += there
        found.answered_for_minor += holding.left.minor
        if there < holding.due_minor:
            found.short.append(holding)

    async with asyncio.TaskGroup() as group:
        for holding in holdings:
            group.create_task(one(holding))
    return found


async def _short(node: Node, suspects: list[Holding]) -> list[str]:
    """Those that hold less than they should when they are asked again, by the books of now: a sweep may have begun."""
    told = []
    for suspect in suspects:
        holding = await reads.holding(suspect.wallet)
        try:
            there = await node.token_balance(holding.address)
        except Unsure:
            continue
        if there < holding.due_minor:
            told.append(f"{holding.address} holds {there} of {holding.due_minor} {CURRENCY} units")
    return told
