"""Whether what stands on the chain covers what we owe: asked, compared, and never mended by itself. [spec/deals §7.5]"""

from __future__ import annotations

import asyncio
from typing import Any

import sentry_sdk
import structlog

from gateways.tron.words import SYSTEM, Node
from jobs.running import Tools
from models.kernel.clock import now
from models.kernel.money import Money
from models.payments import reads
from models.payments.reads import Holding
from models.work.operations import Report

log = structlog.get_logger("jobs")
CURRENCY = "USDT"
PAGE, AT_ONCE = 200, 8


async def prove_reserves(tools: Tools) -> Report:
    """Ask the chain what stands on the main wallet and on every deposit address that should hold something, and compare it
    with the books. What differs is told."""
    if tools.outside.node is None:
        return Report()
    proof, differences = await _proof(tools, tools.outside.node)
    if differences:
        log.error("reserves_differ", differences=differences[:3], count=len(differences))
        sentry_sdk.capture_message(f"the chain and the books differ: {'; '.join(differences[:3])}", level="fatal")
    result = {"finished_at": now().isoformat(), "differences": differences[:20], **proof}
    return Report(done=proof["addresses"], failures=len(differences), result=result)


async def _proof(tools: Tools, node: Node) -> tuple[dict[str, Any], list[str]]:
    """Money under way between the two reads is in neither, or in both: what has been sent is allowed for."""
    moving = await reads.in_flight(SYSTEM, CURRENCY)
    books = await reads.books(SYSTEM, CURRENCY)
    block = await node.solid_head()
    main = Money(await node.token_balance(tools.settings.tron_main_wallet), CURRENCY)
    deposits, addresses, differences = await _deposits(node, moving)
    if main < books.treasury:
        differences.append(f"the main wallet holds {main}, the books say {books.treasury}")
    proof = {
        "block": block.number,
        "at": block.at.isoformat(),
        "currency": CURRENCY,
        "main_minor": main.minor,
        "deposits_minor": deposits.minor,
        "liabilities_minor": books.liabilities.minor,
        "treasury_minor": books.treasury.minor,
        "booked_deposits_minor": books.deposits.minor,
        "addresses": addresses,
    }
    return proof, differences


async def _deposits(node: Node, moving: Money) -> tuple[Money, int, list[str]]:
    """What stands on deposit addresses, how many were asked, and which hold less than they should."""
    gate, total, asked, after = asyncio.Semaphore(AT_ONCE), 0, 0, 0
    short: list[tuple[Holding, int]] = []

    async def one(holding: Holding) -> None:
        nonlocal total
        async with gate:
            there = await node.token_balance(holding.address)
        total += there
        if there < holding.left.minor:
            short.append((holding, there))

    while page := await reads.holdings(SYSTEM, after, PAGE):
        async with asyncio.TaskGroup() as group:
            for _, holding in page:
                group.create_task(one(holding))
        asked, after = asked + len(page), page[-1][0]
    missing = sum(holding.left.minor - there for holding, there in short)
    if missing <= moving.minor:
        short = []
    told = [f"{holding.address} holds {there} of {holding.left.minor} {CURRENCY} units" for holding, there in short]
    return Money(total, CURRENCY), asked, told
