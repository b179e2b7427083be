"""The unit of work: one transaction in which rows are locked, moved, posted and recorded. The only door to a write.

A verb is an `@operation`: the unit is opened around it, run again from the start where two clashed, and its answer is
a frozen record. What a verb may refuse is declared; in development a refusal that was not declared fails loudly.
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, Generic, Literal, ParamSpec, Protocol, Self, TypeVar

import asyncpg
import orjson
from tortoise.exceptions import IntegrityError
from tortoise.models import Model

from models.events import requests
from models.events.log import snapshot as snapshot_at
from models.events.requests import Request
from models.events.wake import wake
from models.kernel.lifecycle import AlreadyThere
from models.kernel.metrics import UNITS
from models.kernel.refusals import Busy, IdempotencyKeyConflict, NotFound, Refusal, VersionConflict
from models.kernel.rows import KEPT_BY_THE_UNIT, LivingRow
from models.kernel.sql import Db, Sql, join, sql, transaction
from models.kernel.viewer import OPS, Viewer
from models.ledger import accounts, plans, transfers
from models.ledger.balances import AccountRecord
from models.ledger.chart import Account
from models.ledger.plans import Batch, Plan, PlanAnswer
from models.ledger.transfers import By, Transfer
from settings import settings

P = ParamSpec("P")
T = TypeVar("T", bound=LivingRow)
A = TypeVar("A")
R = TypeVar("R", bound="Answer")

RANKS = (
    "request", "inbox_message", "dead_letter", "key", "person", "party", "contract", "shop", "deal", "deal_dispute", "payment",
    "wallet", "sweep", "payout", "delivery", "adjustment", "dispute", "notification", "certificate", "debt", "job_run",
)  # fmt: skip
"""The order in which everybody locks: rows by (rank, id), nouns that are not listed after those by name, then the
plan, then the accounts by id."""
PLAN, ACCOUNTS = "plan", "accounts"

ROW_LOCK = "FOR NO KEY UPDATE OF r"  # foreign keys that point at the row go on
SHARED_LOCK = "FOR SHARE OF r"

CLASHES = ("40001", "40P01")  # serialization failure, deadlock: the unit is run again
WAITED = ("55P03", "57014")  # lock_timeout, statement_timeout: BUSY
TWIN_KEY = "ledger_transfer_key_key"  # two posted one key at the same moment: run again, and be refused by the row


class Answer(Protocol):
    """What an operation answers: a frozen record of one subject at one version."""

    @property
    def subject(self) -> str: ...
    @property
    def version(self) -> int: ...
    @classmethod
    async def again(cls, db: Db, subject: str, version: int) -> Self:
        """The record that an earlier request with the same key led to."""
        ...


class NounRecord:
    """Base of the records of nouns: made from a row, or from an event's snapshot of it."""

    __slots__ = ()

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        raise NotImplementedError

    @classmethod
    async def again(cls, db: Db, subject: str, version: int) -> Self:
        return cls.of(await snapshot_at(db, subject, version))


@dataclass(slots=True)
class Unit:
    """One transaction. Every write of the business goes through its methods."""

    db: Db
    by: Viewer
    request: Request | None = None
    target: str | None = None
    """The noun whose row `expectedVersion` speaks of."""
    _rank: tuple[int, str, int] = (-1, "", 0)
    wrote: bool = False
    """Whether there is an event for the feed to fetch."""
    _moved_money: bool = False

    # locks

    async def alone(self, key: str) -> None:
        """Nobody else goes on who asks for the same key, until the unit ends: for rows that are not born yet."""
        self._in_order("key", key)
        await self.db.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", key)

    async def lock(self, table: type[T], where: Sql, *, visible_to: Sql, code: str | None = None) -> T:
        """The one row that `where` means and the asker may see, ours until the unit ends.

        Refuses NOT_FOUND (or the finer `code`), and VERSION_CONFLICT where the request expected another version.
        """
        row = await self._locked(table, where & visible_to, ROW_LOCK, code)
        expected = self.request.expected_version if self.request else None
        if row.noun == self.target and expected is not None and expected != row.version:
            raise VersionConflict(expected=expected, actual=row.version)
        return row

    async def share(self, table: type[T], where: Sql, *, visible_to: Sql, code: str | None = None) -> T:
        """The same for a row that a decision rests on and that stays as it is: many may, and nobody changes it meanwhile."""
        return await self._locked(table, where & visible_to, SHARED_LOCK, code)

    # rows

    async def open(self, row: T, **facts: Any) -> T:
        """Bear a row in its lifecycle's first status, as version 0, with the event `open`."""
        if row.noun == self.target and self.request and self.request.expected_version is not None:
            raise VersionConflict(expected=self.request.expected_version, actual=None)
        await self._number(row)
        return await self._write(row, row.birth(), "open", None, facts)

    async def move(self, row: T, move: str, **facts: Any) -> T:
        """Set the status that `move` leads to, and whatever else was changed on the row; the event is the move.

        Refuses ILLEGAL_MOVE (or the noun's own code) where the lifecycle has no such move.
        """
        before, row.status = row.status, row.lifecycle.after(row, move)
        return await self._write(row, row.change(), move, before, facts)

    async def bear(self, child: LivingRow, name: str, parent: T, **facts: Any) -> T:
        """Bear a child of a locked noun: a row with a life of its own whose events are its parent's. `name` is this one."""
        await self._number(child)
        await self._write_child(child, child.birth())
        return await self._tell(child, name, parent, facts)

    async def move_child(self, child: LivingRow, move: str, parent: T, **facts: Any) -> T:
        """Set the status of a child that `move` leads to; the parent's event is the move.

        The parent shows it as `<child>_status`. Refuses as `move` does.
        """
        child.status = child.lifecycle.after(child, move)
        await self._write_child(child, child.change())
        return await self._tell(child, move, parent, facts)

    async def record_child(self, child: LivingRow, name: str, parent: T, **facts: Any) -> T:
        """Write what else was changed on a child; the parent's event is `name`."""
        await self._write_child(child, child.change())
        return await self._tell(child, name, parent, facts)

    async def attach(self, part: Model) -> None:
        """Write a part of a noun, born with it or with one of its events: it has no life and no events of its own."""
        await part.save(force_create=True)

    async def amend(self, part: Model) -> None:
        """Write what was changed on a part of a noun, under the noun's lock; the noun's own event tells it."""
        await part.save()

    async def record(self, row: T, name: str, **facts: Any) -> T:
        """Write what was changed on the row besides its status, as the event `name`."""
        return await self._write(row, row.change(), name, row.status, facts)

    async def touch(self, row: LivingRow, **columns: Any) -> None:
        """Bookkeeping that is nobody's news: leases, attempts, next checks. No event, no version."""
        if shown := columns.keys() - row.hidden:
            raise ValueError(f"{sorted(shown)} are shown to viewers: record them")
        for name, value in columns.items():
            setattr(row, name, value)
        pairs = ", ".join(f'"{name}" = ${n}' for n, name in enumerate(columns, start=2))
        values = [row._meta.fields_map[name].to_db_value(value, row) for name, value in columns.items()]
        await self.db.execute(f'UPDATE "{row._meta.db_table}" SET {pairs} WHERE id = $1', row.id, *values)

    # money

    async def open_account(self, account: Account, description: str) -> AccountRecord:
        id = await accounts.open_account(self.db, account, description)
        return await AccountRecord.again(self.db, f"account:{id}", 0)

    async def post(self, subject: LivingRow, moved: Sequence[Transfer]) -> int:
        """Move money at once, judged as a whole; see `transfers.post`."""
        self._in_order(ACCOUNTS, 0)
        call = await transfers.post(self.db, subject.subject, self._by, moved)
        self._money_moved()
        return call

    async def hold(self, plan: Plan, batch: Batch) -> PlanAnswer:
        return await self._on_plan(plans.hold(self.db, plan, batch, self._by))

    async def hold_own(self, plan: Plan, batch: Batch) -> PlanAnswer:
        """Hold a batch over accounts that the plan's owner owns; see `plans.hold_own`."""
        return await self._on_plan(plans.hold_own(self.db, plan, batch, self._by))

    async def finish(
        self, plan: Plan, op: Literal["commit", "rollback"], batches: Sequence[Batch] | None = None
    ) -> PlanAnswer:
        """Commit or roll back a whole plan; see `plans.finish`."""
        return await self._on_plan(plans.finish(self.db, plan, op, self._by, batches))

    async def revert(self, plan: Plan, revert_id: str, note: str) -> PlanAnswer:
        return await self._on_plan(plans.revert(self.db, plan, revert_id, note, self._by))

    async def moment(self) -> datetime:
        """This moment by the database's clock, for what is kept beside its events."""
        at: datetime = await self.db.fetchval("SELECT saldo_now()")
        return at

    # inside

    @property
    def _by(self) -> By:
        return By(self.by.subject, self.by.role.value, self.request.id if self.request else None)

    def _acts_as(self, row: LivingRow) -> str:
        """The side of the row that he is, or else his role."""
        return next(iter(sorted(row.lifecycle.sides(row, self.by))), self.by.role.value)

    async def _on_plan(self, call: Awaitable[PlanAnswer]) -> PlanAnswer:
        self._in_order(PLAN, 0)
        answer = await call
        self._in_order(ACCOUNTS, 0)
        self._money_moved()
        return answer

    def _money_moved(self) -> None:
        """A second movement would lock accounts out of order: a verb says all that it moves in one call."""
        if self._moved_money:
            raise AssertionError("one unit moves money once")
        self._moved_money = self.wrote = True

    def _in_order(self, noun: str, id: Any) -> None:
        """Fails in development where a lock comes out of order; in production two may then wait for each other, and one
        of them is run again."""
        last = {PLAN: len(RANKS) + 1, ACCOUNTS: len(RANKS) + 2}
        place = RANKS.index(noun) if noun in RANKS else last.get(noun, len(RANKS))
        rank = (place, noun, id if isinstance(id, int) else 0)
        if rank < self._rank and settings().development:
            raise AssertionError(f"{noun} {id} is locked after {self._rank[1]} {self._rank[2]}")
        self._rank = rank

    async def _locked(self, table: type[T], where: Sql, strength: str, code: str | None) -> T:
        query = join([sql(f'SELECT r.* FROM "{table._meta.db_table}" r WHERE'), where, sql(strength)])
        text, values = query.render()
        found = await self.db.fetch(text, *values)
        if not found:
            raise NotFound(table.lifecycle.noun, code=code)
        row = table.loaded(found[0])
        self._in_order(row.noun, row.id)
        return row

    async def _number(self, row: LivingRow) -> None:
        row.id = await self.db.fetchval("SELECT nextval(pg_get_serial_sequence($1, 'id'))", row._meta.db_table)
        row.version, row.status = 0, row.lifecycle.start

    async def _write_child(self, child: LivingRow, change: str) -> None:
        written = await self.db.fetchrow(change, child.id, *child.data())
        for name in KEPT_BY_THE_UNIT:
            setattr(child, name, written[name])

    async def _tell(self, child: LivingRow, name: str, parent: T, facts: Mapping[str, Any]) -> T:
        setattr(parent, f"{child.noun}_status", child.status)
        return await self.record(parent, name, **facts)

    async def _write(self, row: T, change: str, name: str, before: Any, facts: Mapping[str, Any]) -> T:
        """The change and its event in one statement, so that the event's snapshot is the row, to the letter."""
        values = [row.id, *row.data()]
        n = len(values)
        result = await self.db.fetchrow(
            f"""WITH changed AS ({change})
                INSERT INTO event (noun, subject, version, name, from_status, to_status, facts, snapshot,
                                   actor, actor_role, audience, request_id, occurred_at)
                SELECT ${n + 1}, ${n + 2}, version, ${n + 3}, ${n + 4}, ${n + 5}, ${n + 6}::jsonb,
                       to_jsonb(changed) - ${n + 7}::text[], ${n + 8}, ${n + 9}, ${n + 10}, ${n + 11}, updated_at
                  FROM changed RETURNING version, occurred_at""",
            *values,
            row.noun,
            row.subject,
            name,
            before and before.value,
            row.status.value,
            orjson.dumps(facts, default=str).decode(),
            sorted(row.hidden),
            self.by.subject,
            self._acts_as(row),
            sorted(row.audience() | {OPS}),
            self._by.request_id,
        )
        row.version, row.updated_at, self.wrote = result["version"], result["occurred_at"], True
        if row.version == 0:
            row.created_at = row.updated_at
        return row


_inside: ContextVar[str | None] = ContextVar("_inside", default=None)


class Operation(Generic[P, A]):
    """A verb of the business: `await confirm(deal, by=viewer, request=request)` runs its body in a unit of its own."""

    def __init__(
        self, body: Callable[Concatenate[Unit, P], Awaitable[Any]], answers: Any, refuses: tuple[type[Refusal], ...]
    ) -> None:
        functools.update_wrapper(self, body)
        self.body, self.answers, self.name = body, answers, body.__name__
        self.refuses: frozenset[type[Refusal]] = frozenset(refuses) | {Busy, IdempotencyKeyConflict}

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> A:
        if outer := _inside.get():
            raise AssertionError(f"{self.name} is called inside {outer}: a unit inside a unit")
        entered = _inside.set(self.name)
        try:
            return await self._until_done(*args, **kwargs)
        except Refusal as no:
            UNITS.labels(self.name, no.code).inc()
            if settings().development and type(no) not in self.refuses:
                raise AssertionError(f"{self.name} refuses {type(no).__name__} and does not declare it") from no
            raise
        finally:
            _inside.reset(entered)

    async def _until_done(self, *args: P.args, **kwargs: P.kwargs) -> A:
        """Run the body in a transaction, again from the start where it clashed with others, or refuse BUSY."""
        for attempt in range(settings().unit_attempts_max):
            try:
                answer = await self._once(*args, **kwargs)
            except (asyncpg.PostgresError, IntegrityError) as error:
                _clash_or_raise(error)
                UNITS.labels(self.name, "clash").inc()
                await asyncio.sleep(random.uniform(0.005, 0.02) * 2**attempt)  # noqa: S311  jitter
            else:
                UNITS.labels(self.name, "done").inc()
                return answer
        raise Busy

    async def _once(self, *args: P.args, **kwargs: P.kwargs) -> A:
        viewer, request = kwargs["by"], kwargs.get("request")
        if not isinstance(viewer, Viewer) or not (request is None or isinstance(request, Request)):
            raise TypeError(f"{self.name} takes by=Viewer and request=Request | None")
        keyed = request if request is not None and request.key is not None else None
        async with transaction() as db:
            if keyed and (done := await requests.take(db, viewer.subject, keyed)):
                keyed.replay()
                again: A = await self.answers.again(db, done.subject, done.version)
                return again
            work = Unit(db, viewer, request, getattr(self.answers, "noun", None))
            try:
                answer = self._shown(await self.body(work, *args, **kwargs))
            except AlreadyThere as there:
                answer = self._shown(there.row)
                if request is not None:
                    request.replay()
            if keyed:
                done_now: Any = answer
                await requests.conclude(db, viewer.subject, keyed, done_now.subject, done_now.version)
        if work.wrote:
            wake()
        return answer

    def _shown(self, written: Any) -> A:
        """A noun's row as its frozen record; records pass as they are."""
        answer: A = self.answers.of(written.columns()) if self.answers and isinstance(written, LivingRow) else written
        return answer


def operation(
    *, answers: type[R], refuses: tuple[type[Refusal], ...]
) -> Callable[[Callable[Concatenate[Unit, P], Awaitable[Any]]], Operation[P, R]]:
    """Make a verb of a coroutine `(work, …, *, by: Viewer, request: Request | None = None)`.

    `answers` is the record it answers, `refuses` every refusal it can raise; BUSY and IDEMPOTENCY_KEY_CONFLICT go
    without saying. In development a refusal that is not declared fails.
    """
    return lambda body: Operation(body, answers, refuses)


def step(
    *, refuses: tuple[type[Refusal], ...] = ()
) -> Callable[[Callable[Concatenate[Unit, P], Awaitable[A]]], Operation[P, A]]:
    """Make a step of a job of a coroutine `(work, …, *, by: Viewer)`: a unit of the house's own, which answers anything."""
    return lambda body: Operation(body, None, refuses)


def _clash_or_raise(error: asyncpg.PostgresError | IntegrityError) -> None:
    """Silent where running again may help. Raises BUSY where the wait was too long, and every real error as it is."""
    cause = error.__cause__ if isinstance(error, IntegrityError) else error
    if isinstance(cause, asyncpg.PostgresError):
        if cause.sqlstate in CLASHES or getattr(cause, "constraint_name", None) == TWIN_KEY:
            return
        if cause.sqlstate in WAITED:
            raise Busy from error
    raise error
