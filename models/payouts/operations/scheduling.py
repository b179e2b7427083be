"""Schedules: set by an operator, run by a worker, one payout for a moment however many workers there are. [spec/payouts §0, §12]"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from models.events.requests import Request
from models.kernel.clock import now
from models.kernel.lifecycle import AlreadyThere
from models.kernel.money import Money
from models.kernel.refusals import (
    CurrencyNotSupported,
    FieldProblem,
    IllegalMove,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
    Refusal,
    VersionConflict,
)
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import OPERATOR, Viewer
from models.parties.errors import PARTY_NOT_FOUND, SHOP_NOT_FOUND
from models.parties.tables import Shop
from models.payouts.errors import PAYOUT_TOOL_REQUIRED
from models.payouts.lifecycle import SCHEDULES, RunOutcome, ScheduleStatus
from models.payouts.operations.making import SCHEDULED, Slot
from models.payouts.operations.slots import after, last, problems
from models.payouts.reads import ScheduleRecord
from models.payouts.tables import ERROR_MAX, PayoutSchedule
from models.unit import Unit, operation, step
from models.work.claims import claim, release, still_ours
from settings import settings


@dataclass(frozen=True, slots=True)
class Planned:
    """When a shop is paid out by itself, and what is too little for it."""

    cron: str
    time_zone: str
    least: Money
    auto_confirm: bool = False
    enabled: bool = True


@operation(
    answers=ScheduleRecord,
    refuses=(NotFound, NotAllowed, IllegalMove, InvalidInput, InvalidAmount, CurrencyNotSupported, VersionConflict),
)
async def set_schedule(
    work: Unit, party: str, code: str, planned: Planned, *, by: Viewer, request: Request | None = None
) -> PayoutSchedule:
    """Have a shop paid out by itself, change when, or stop it. The next moment counts from now on. [spec/payouts §12]

    Locks the shop, which needs a payout tool of its own from now on, then its schedule. Refuses PARTY_NOT_FOUND,
    SHOP_NOT_FOUND, PAYOUT_TOOL_REQUIRED. Whoever sets it has looked: `needs_attention` is taken back. Repeated as it is: the
    schedule, nothing written.
    """
    if not by.has(OPERATOR):
        raise NotAllowed("schedule")
    if not await work.db.fetchval("SELECT EXISTS (SELECT FROM party WHERE code = $1)", party):
        raise NotFound("party", code=PARTY_NOT_FOUND)
    where = sql("r.party_code = {} AND r.code = {}", party, code)
    shop = await work.lock(Shop, where, visible_to=TRUE, code=SHOP_NOT_FOUND)
    _judge(shop, planned)
    if shop.scheduled is not planned.enabled:
        await work.touch(shop, scheduled=planned.enabled)
    if not await PayoutSchedule.exists(shop_id=shop.id):
        made = PayoutSchedule(shop_id=shop.id, party_code=party, shop_code=code, currency=shop.currency)
        born = await work.open(_changed(made, planned))
        return born if planned.enabled else await work.move(born, "disable")
    schedule = await work.lock(PayoutSchedule, sql("r.shop_id = {}", shop.id), visible_to=TRUE)
    before, runs = _said(schedule), schedule.status is ScheduleStatus.ENABLED
    looked, schedule.needs_attention = schedule.needs_attention, False
    if before == _said(_changed(schedule, planned)) and runs is planned.enabled and not looked:
        raise AlreadyThere(schedule)
    if before != _said(schedule) or looked:
        await work.record(schedule, SCHEDULES.may(schedule, "change", by), before=before)
    if runs is not planned.enabled:
        await work.move(schedule, "enable" if planned.enabled else "disable")
    return schedule


def _judge(shop: Shop, planned: Planned) -> None:
    if wrong := problems(planned.cron, planned.time_zone, now()):
        raise InvalidInput(*wrong)
    if planned.least.currency != shop.currency:
        raise CurrencyNotSupported(planned.least.currency, [shop.currency])
    planned.least.positive()
    if planned.enabled and shop.payout_tool_id is None:
        missing = FieldProblem("shopId", "needs a payout tool of its own before its payouts are scheduled")
        raise InvalidInput(missing, code=PAYOUT_TOOL_REQUIRED)


def _changed(schedule: PayoutSchedule, planned: Planned) -> PayoutSchedule:
    schedule.cron, schedule.time_zone = " ".join(planned.cron.split()), planned.time_zone
    schedule.least_minor, schedule.auto_confirm = planned.least.minor, planned.auto_confirm
    schedule.next_at = after(schedule.cron, schedule.time_zone, now()) if planned.enabled else None
    schedule.failures = schedule.attempts = 0
    release(schedule)
    return schedule


def _said(schedule: PayoutSchedule) -> dict[str, Any]:
    return {name: getattr(schedule, name) for name in ("cron", "time_zone", "least_minor", "auto_confirm")}


# runs


@dataclass(frozen=True)
class Due:
    """A schedule whose moment had come `at` the claim, ours until its lease ends. `done` is the moment behind which nothing was
    concluded."""

    id: int
    token: UUID
    party: str
    shop: str
    cron: str
    time_zone: str
    at: datetime
    least: Money
    auto_confirm: bool
    done: datetime | None

    @cached_property
    def slot(self) -> Slot:
        """The moment that is run: of several missed ones the last. Read here, so that one that cannot be read stops no other."""
        return Slot(self.id, last(self.cron, self.time_zone, self.at), self.token, self.auto_confirm)

    @property
    def payout_id(self) -> str:
        """The same for whoever runs this moment: the second finds that it is there."""
        return f"{SCHEDULED}{self.id}-{self.slot.at:%Y%m%dT%H%M%SZ}"

    def __repr__(self) -> str:
        return f"<schedule {self.id} of {self.party}/{self.shop}>"


@step()
async def claim_due(work: Unit, *, limit: int, lease_seconds: int, by: Viewer) -> list[Due]:
    """Take schedules whose moment has come, the longest due first."""
    at = now()
    due = sql("r.status = 'enabled' AND r.next_at <= {}", at)
    rows = await claim(work, PayoutSchedule, due, limit=limit, lease_seconds=lease_seconds, order="r.next_at, r.id")
    return [_due(row, at) for row in rows]


def _due(row: PayoutSchedule, at: datetime) -> Due:
    if row.lease_token is None:
        raise AssertionError("a claimed row has a token")
    return Due(
        row.id,
        row.lease_token,
        row.party_code,
        row.shop_code,
        row.cron,
        row.time_zone,
        at,
        row.least,
        row.auto_confirm,
        row.last_slot,
    )


@step()
async def conclude(
    work: Unit, due: Due, outcome: RunOutcome, *, payout: str | None = None, no: Refusal | None = None, by: Viewer
) -> bool:
    """A run has come to this; the next is at the schedule's next moment. Told also where there was nothing to do, so that
    whoever asks why nothing was paid out sees that it was looked at.

    What is refused again and again calls a human, once. Whether one was called. The claim is over: nothing is written.
    """
    schedule = await still_ours(work, PayoutSchedule, due.id, due.token)
    if schedule is None:
        return False
    schedule.last_slot, schedule.last_outcome, schedule.last_payout = due.slot.at, outcome, payout
    schedule.last_refusal = no.code if no else None
    schedule.failures = schedule.failures + 1 if outcome is RunOutcome.REFUSED else 0
    schedule.next_at = after(schedule.cron, schedule.time_zone, due.slot.at)
    schedule.attempts, schedule.last_error = 0, None
    release(schedule)
    human = schedule.failures >= settings().payout_schedule_failures_max and not schedule.needs_attention
    schedule.needs_attention = bool(schedule.failures) and (schedule.needs_attention or human)
    facts = {"slot": due.slot.at, "outcome": outcome.value, "payout": payout, "refusal": no and str(no)}
    await work.record(schedule, SCHEDULES.may(schedule, "run", by), **facts)
    return human


@dataclass(frozen=True, slots=True)
class PutOff:
    """How often it was tried to run this moment, and whether a human was called now."""

    attempts: int = 0
    human: bool = False


@step()
async def put_off(work: Unit, due: Due, error: str, *, by: Viewer) -> PutOff:
    """A run could not be done now, for no fault of its own: the same moment is tried again in a while. After
    `payout_schedule_attempts_max` times a human is called, once."""
    schedule = await still_ours(work, PayoutSchedule, due.id, due.token)
    if schedule is None:
        return PutOff()
    pause, attempts = timedelta(seconds=settings().payout_schedule_retry_seconds), schedule.attempts
    await work.touch(schedule, last_error=error[:ERROR_MAX], lease_until=await work.moment() + pause)
    human = attempts >= settings().payout_schedule_attempts_max and not schedule.needs_attention
    if human:
        schedule.needs_attention = True
        deed = SCHEDULES.may(schedule, "call_for_attention", by)
        await work.record(schedule, deed, attempts=attempts, error=error[:ERROR_MAX])
    return PutOff(attempts, human)
