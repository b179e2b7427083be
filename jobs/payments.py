"""The jobs of payments: check what is due, step by step; end what nobody paid. [spec/deals §7.1, §7.4]"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import sentry_sdk
import structlog

from gateways.receipts import Refused, Unsure
from gateways.tron.words import SYSTEM, Node
from jobs.deals import promote_for
from jobs.running import Tools, each
from jobs.scanning import arrived, scan
from jobs.sweeping import sweep
from models.kernel.clock import now
from models.payments import operations as payments
from models.payments import reads
from models.payments.lifecycle import Adapter, PaymentStatus, Step, WalletStatus
from models.payments.operations import Arrived, Claimed
from models.payments.operations.sweeping import worth_sweeping
from models.payments.reads import WalletRecord
from models.work.operations import Report

log = structlog.get_logger("jobs")
STEP_SECONDS = 20
EXPIRE_BATCH, EXPIRE_AT_ONCE = 500, 8


class StepFailed(Exception):
    """A step of a payment's check did not come to its end; why is its cause."""

    def __init__(self, step: Step) -> None:
        self.step = step
        super().__init__(step.name)


@dataclass(slots=True)
class _Chain:
    """Whether this worker could read the chain the last time: that it could not is told once, until it could."""

    unread: bool = False


_CHAIN = _Chain()


@dataclass(slots=True)
class Tick:
    """One run of the job. What an outage comes to is told once in it, however many payments it concerns."""

    tools: Tools
    until: float
    outage: bool = False
    told: set[tuple[str, ...]] = field(default_factory=set)


@asynccontextmanager
async def at(step: Step) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(STEP_SECONDS):
            yield
    except Exception as error:
        raise StepFailed(step) from error


async def check_payments(tools: Tools) -> Report:
    """Read new blocks, then check every payment with something to do, then ask about a few of the others.

    What one claim takes is done before the next; a payment that fails keeps why and stops nobody. What there is no time for
    is given back: a tick ends before the next begins.
    """
    seconds = tools.settings.payment_timeout_seconds
    tick = Tick(tools, time.monotonic() + seconds * 0.6)
    if tools.outside.node is not None:
        tick.outage = not await _scanned(tools, tools.outside.node, time.monotonic() + seconds * 0.3)
    done, failures, started = 0, int(tick.outage), now()
    for marked, limit in ((True, tools.settings.payment_batch), (False, tools.settings.payment_net_batch)):
        while time.monotonic() < tick.until:
            report = await _claimed_and_checked(tick, started, marked=marked, limit=limit)
            done, failures = done + report.done, failures + report.failures
            if not marked or report.done + report.failures < limit:
                break
    return Report(done, failures)


async def _scanned(tools: Tools, node: Node, until: float) -> bool:
    """A chain that cannot be read now is read the next minute; what is known already goes on. Whether it could be read."""
    try:
        await scan(tools, node, until)
    except Exception as error:  # noqa: BLE001  the payments have nothing to do with it
        if not _CHAIN.unread:
            _tell(error, step="SCAN", subject=SYSTEM, fingerprint=["chain", SYSTEM, type(error).__name__])
        _CHAIN.unread = True
        log.warning("chain_not_read", error=repr(error))
        return False
    _CHAIN.unread = False
    return True


async def _claimed_and_checked(tick: Tick, started: datetime, *, marked: bool, limit: int) -> Report:
    tools = tick.tools
    claimed = await payments.claim_due(
        marked=marked, before=started, limit=limit, lease_seconds=tools.settings.payment_lease_seconds, by=tools.by
    )
    check = partial(_check_in_time, tick)
    return await each(claimed, check, at_once=tools.settings.payments_at_once, failed=partial(_failed, tick))


async def _check_in_time(tick: Tick, claimed: Claimed) -> None:
    if time.monotonic() > tick.until:
        await payments.give_back(claimed, by=tick.tools.by)
    elif claimed.service == Adapter.BANK_TRANSFER:
        await _check_told(tick.tools, claimed)
    else:
        await _check(tick.tools, claimed)


async def _check_told(tools: Tools, claimed: Claimed) -> None:
    """A payment whose gateway tells of its own accord: nothing is to be asked."""
    async with at(Step.STATUS):
        await payments.settle(claimed, by=tools.by)
    await payments.release_checked(claimed, again_at=None, busy=False, by=tools.by)


async def _check(tools: Tools, claimed: Claimed) -> None:
    """One payment, step by step. Each step is whole or not at all; a check that ends early is taken up by the next."""
    async with at(Step.BALANCE):
        node, wallet = _node(tools, claimed)
        found, gone = await _statement(node, claimed, wallet)
    credited: Claimed | None = claimed
    if found or gone:
        async with at(Step.CREDIT):
            credited = await payments.credit(claimed, found, gone, by=tools.by)
    if credited is None:
        return
    if credited.marks and credited.wallet and credited.wallet.received:
        async with at(Step.DEALS):
            await _go_on(tools, credited, told=bool(found))
    async with at(Step.SWEEP):
        swept, busy = await sweep(tools, node, credited)
    async with at(Step.STATUS):
        settled = await _settled(tools, swept, busy=busy)
    async with at(Step.WALLET):
        if settled.wallet and settled.wallet.status is WalletStatus.RECEIVED and not settled.wallet.left:
            await payments.transfered(settled, by=tools.by)
    await payments.release_checked(
        settled, again_at=_again_at(tools, settled, busy=busy), busy=busy is not None, by=tools.by
    )


def _node(tools: Tools, claimed: Claimed) -> tuple[Node, WalletRecord]:
    if claimed.service != Adapter.TRON or claimed.wallet is None:
        raise LookupError(f"nobody here knows the gateway {claimed.service}")
    if tools.outside.node is None:
        raise Unsure(SYSTEM, "node", "no node is set")
    return tools.outside.node, claimed.wallet


async def _statement(node: Node, claimed: Claimed, wallet: WalletRecord) -> tuple[list[Arrived], list[str]]:
    """What arrived at the wallet and is not credited, by the receipts of solid transactions; and what the chain took back.

    Two answers must agree: an address that holds less than its transfers brought is not believed yet, and one that holds
    more is asked for the transfers that nobody saw; those of blocks that were not read yet are left to the scan.
    """
    cursor = await reads.cursor(SYSTEM)
    seen = await reads.uncredited(claimed.id)
    found, gone = await _receipts(node, wallet, seen, read_to=cursor.block if cursor else 0)
    balance = await node.token_balance(wallet.address)
    under_way = (await reads.under_way(wallet.id)).values()
    moving = sum(a.sweep.amount.minor for a in under_way if a.raw_tx and a.sweep.to_address != wallet.address)
    known = wallet.left.minor + sum(one.amount for one in found)
    if balance + moving < known:
        raise Unsure(SYSTEM, "balance", f"{wallet.address} holds {balance}, its transfers tell of {known}")
    if balance > known:
        found += await _unseen(node, claimed, wallet, {one.tx_id for one in found})
        if not found and cursor is not None and cursor.block >= (await node.solid_head()).number:
            raise Unsure(SYSTEM, "balance", f"{wallet.address} holds {balance}, its transfers tell only of {known}")
    return found, gone


async def _receipts(
    node: Node, wallet: WalletRecord, seen: list[reads.Sighting], *, read_to: int
) -> tuple[list[Arrived], list[str]]:
    found: list[Arrived] = []
    gone: list[str] = []
    for one in seen:
        if one.block > read_to and not one.solid:
            continue  # not solid yet: it is news, not money
        receipt = await node.receipt(one.tx_id)
        if receipt is None and one.solid:
            raise Unsure(SYSTEM, "receipt", f"the node has no {one.tx_id}, which stands in a solid block")
        if receipt is None or not receipt.succeeded:
            gone.append(one.tx_id)
        else:
            found += [arrived(t) for t in receipt.transfers if t.to == wallet.address and t.amount > 0]
    return found, gone


async def _unseen(node: Node, claimed: Claimed, wallet: WalletRecord, found: set[str]) -> list[Arrived]:
    """What the scan did not see, by the node's index; believed only by its receipts."""
    try:
        listed = await node.transactions_to(wallet.address, claimed.created_at - timedelta(days=1))
    except Refused:  # a node without an index
        return []
    credited = await reads.credited_txs(claimed.id)
    more: list[Arrived] = []
    for tx_id in dict.fromkeys(listed):
        if tx_id in credited or tx_id in found:
            continue
        receipt = await node.receipt(tx_id)
        if receipt is not None and receipt.succeeded:
            more += [arrived(t) for t in receipt.transfers if t.to == wallet.address and t.amount > 0]
    return more


async def _go_on(tools: Tools, claimed: Claimed, *, told: bool) -> None:
    """Step DEALS: what waited for this money goes on. A deal that fails is told, and has its own job the next minute."""
    promoted, failures = await promote_for(tools, claimed.person_id, claimed.currency)
    for error in failures:
        _tell(error, step=Step.DEALS.name, subject=f"payment:{claimed.id}", fingerprint=["deals", type(error).__name__])
    if told or promoted:
        await payments.note_step(claimed, Step.DEALS, f"{promoted} went on", by=tools.by)


async def _settled(tools: Tools, claimed: Claimed, *, busy: timedelta | None) -> Claimed:
    """Step STATUS where no sweep did it: everything came, and nothing on the wallet is worth a sweep."""
    ready = claimed.status is PaymentStatus.WAITING and claimed.covered and busy is None
    if ready and claimed.wallet and not worth_sweeping(claimed.wallet.left.minor):
        return await payments.settle(claimed, by=tools.by) or claimed
    return claimed


def _again_at(tools: Tools, claimed: Claimed, *, busy: timedelta | None) -> datetime | None:
    """When it is looked at again: as soon as there is something to do; else asked about each minute in its first hour, then
    at intervals that grow with its age to an hour, until nobody watches it any more."""
    if busy is not None:
        return now() + busy
    end = claimed.expires_at + timedelta(days=tools.settings.payment_watched_days)
    pause = min(max((now() - claimed.created_at) / 60, timedelta(minutes=1)), timedelta(hours=1))
    return now() + pause if now() + pause < end else None


async def _failed(tick: Tick, claimed: Claimed, error: Exception) -> None:
    """Keep why; tell Sentry once for each step, and a human once, when it goes on and on. While the chain
    cannot be read, what is not answered is one matter, whomever it concerns."""
    step = error.step if isinstance(error, StepFailed) else Step.WALLET
    cause = error.__cause__ or error
    words = f"{type(cause).__name__}: {cause}"
    hopeless = isinstance(cause, LookupError)  # no later try can help
    told = await payments.note_failure(claimed, step, words, hopeless=hopeless, outage=tick.outage, by=tick.tools.by)
    matter = ("payment", str(claimed.id), step.name)
    if tick.outage and isinstance(cause, Unsure) and not told.human:
        matter = (cause.system, cause.operation, step.name)
    if (told.sentry or told.human) and matter not in tick.told:
        tick.told.add(matter)
        _tell(
            cause,
            step=step.name,
            subject=f"payment:{claimed.id}",
            fingerprint=[*matter, *(["attention"] if told.human else [])],
            gateway=claimed.service,
            attempt=told.failures,
            attention=told.human,
        )


def _tell(error: BaseException, *, step: str, subject: str, fingerprint: list[str], **facts: object) -> None:
    with sentry_sdk.new_scope() as scope:
        for name, value in {"job": "check_payments", "step": step, "subject": subject, **facts}.items():
            scope.set_tag(name, str(value))
        scope.fingerprint = fingerprint
        sentry_sdk.capture_exception(error)


async def expire_payments(tools: Tools) -> Report:
    """End payments for which nothing came in time, or not all of it in the days after; and come back to coins that are worth
    a sweep by now, where nobody watches any more."""
    await payments.wake(await reads.worth_sweeping(EXPIRE_BATCH), by=tools.by)
    due = await reads.overdue(EXPIRE_BATCH)

    async def end(number: int) -> None:
        await payments.expire(number, by=tools.by)

    async def told(_number: int, error: Exception) -> None:
        sentry_sdk.capture_exception(error)

    return await each(due, end, at_once=EXPIRE_AT_ONCE, failed=told)
