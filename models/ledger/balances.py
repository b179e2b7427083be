"""What stands on accounts, now and at any time, as frozen records. Every read starts from `visible_to(viewer)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from models.kernel.lifecycle import Action
from models.kernel.money import Money
from models.kernel.pages import Column, Cut, Order, Page, page
from models.kernel.refusals import NotAllowed, NotFound
from models.kernel.sql import FALSE, TRUE, Db, Row, Sql, fetch, fetch_one, join, sql
from models.kernel.viewer import MERCHANT, Viewer
from models.ledger.chart import Side
from models.ledger.errors import ACCOUNT_NOT_FOUND, PLAN_STATE


def visible_to(viewer: Viewer) -> Sql:
    """Staff sees every account, everybody else those that he owns; a party owns what its shops do."""
    if viewer.reads_everything:
        return TRUE
    own = sql("a.owner = ANY({}::text[])", sorted(viewer.tokens)) if viewer.tokens else FALSE
    if viewer.has(MERCHANT) and viewer.party and not viewer.shops:
        return own | sql("starts_with(a.owner, {})", f"shop:{viewer.party}/")
    return own


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account and what stands on it, in minor units, exact at the moment of the read."""

    id: int
    kind: str
    side: Side
    name: str
    owner: str
    currency: str
    description: str
    own: int
    pending_out: int
    pending_in: int
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Row) -> Self:
        values = dict(row)
        return cls(**values | {"side": Side(values["side"])})

    @classmethod
    async def again(cls, db: Db, subject: str, _version: int) -> Self:
        """The account that a request opened, as it stands."""
        text, values = join([_SELECT, sql("WHERE a.id = {}", int(subject.removeprefix("account:")))]).render()
        return cls.of(await db.fetchrow(text, *values))

    @property
    def subject(self) -> str:
        return f"account:{self.id}"

    @property
    def balance(self) -> Money:
        """Own, shown on the account's normal side: a bank that holds money reads positive."""
        return Money(self.own * self.side.sign, self.currency)

    @property
    def available(self) -> Money:
        return Money(self.own - self.pending_out, self.currency)


# A hot account is its row plus its queued deltas, in one statement: exact while it is folded.
_SELECT = sql(
    """SELECT a.id, a.kind, l.side, a.name, a.owner, a.currency, a.description,
              a.own + coalesce(d.own, 0) AS own, a.pending_out + coalesce(d.out_, 0) AS pending_out,
              a.pending_in + coalesce(d.in_, 0) AS pending_in, a.version, a.created_at, a.changed_at AS updated_at
         FROM ledger_account a JOIN ledger_line l ON l.kind = a.kind
         LEFT JOIN LATERAL (SELECT sum(own_delta)::bigint AS own, sum(out_delta)::bigint AS out_,
                                   sum(in_delta)::bigint AS in_
                              FROM ledger_delta WHERE account_id = a.id) d ON a.policy = 'hot'"""
)
BY_ID = Order("account", (Column("a.id", int),))


async def accounts(viewer: Viewer, ids: Sequence[int]) -> dict[int, AccountRecord]:
    rows = await fetch(join([_SELECT, sql("WHERE"), visible_to(viewer) & sql("a.id = ANY({}::bigint[])", list(ids))]))
    return {row["id"]: AccountRecord.of(row) for row in rows}


async def account(viewer: Viewer, id: int) -> AccountRecord:
    """Refuses ACCOUNT_NOT_FOUND."""
    found = await accounts(viewer, [id])
    if id not in found:
        raise NotFound("ledger account", code=ACCOUNT_NOT_FOUND)
    return found[id]


async def account_page(
    viewer: Viewer, cut: Cut, *, owner: str | None = None, kind: str | None = None, currency: str | None = None
) -> Page[AccountRecord]:
    where = visible_to(viewer)
    for column, value in (("owner", owner), ("kind", kind), ("currency", currency)):
        if value is not None:
            where &= sql(f"a.{column} = {{}}", value)
    return await page(_SELECT, where, BY_ID, cut, AccountRecord.of)


async def own_at(viewer: Viewer, id: int, at: datetime) -> Money:
    """Own amount strictly before `at`. [spec/payouts §10.8] Refuses ACCOUNT_NOT_FOUND."""
    seen = await account(viewer, id)
    row = await fetch_one(sql("SELECT ledger_own_before({}, {}) AS own", id, at))
    return Money((row["own"] if row else 0) * seen.side.sign, seen.currency)


async def own_between(viewer: Viewer, id: int, start: datetime, end: datetime) -> Money:
    """How much own changed from `start`, counted in, to `end`, not counted in. Refuses ACCOUNT_NOT_FOUND."""
    seen = await account(viewer, id)
    query = sql("SELECT ledger_own_before({}, {}) - ledger_own_before({}, {}) AS own", id, end, id, start)
    row = await fetch_one(query)
    return Money((row["own"] if row else 0) * seen.side.sign, seen.currency)


@dataclass(frozen=True, slots=True)
class EntryRecord:
    """One change of an account, with what stood on it afterwards, in minor units."""

    account_id: int
    version: int
    call: int
    op: str
    plan_id: str | None
    own_delta: int
    out_delta: int
    in_delta: int
    own: int
    pending_out: int
    pending_in: int
    at: datetime
    currency: str

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(**dict(row))


_ENTRIES = sql(
    """SELECT e.account_id, e.version, e.call, e.op, e.plan_id, e.own_delta, e.out_delta, e.in_delta,
              e.own, e.pending_out, e.pending_in, e.at, a.currency
         FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id"""
)
NEWEST_ENTRY = Order("entry", (Column("e.version", int),), descending=True)


async def entries(viewer: Viewer, account_id: int, cut: Cut, *, as_of: datetime | None = None) -> Page[EntryRecord]:
    """The newest first; with `as_of` those strictly before it. Entries of a hot account appear once it is folded."""
    where = visible_to(viewer) & sql("e.account_id = {}", account_id)
    if as_of is not None:
        where &= sql("e.at < {}", as_of)
    return await page(_ENTRIES, where, NEWEST_ENTRY, cut, EntryRecord.of)


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """Money that moved, and why."""

    id: int
    call: int
    key: str
    kind: str
    subject: str
    plan_id: str | None
    from_id: int
    to_id: int
    amount: int
    currency: str
    description: str
    at: datetime

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(**dict(row))

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


TRANSFER_COLUMNS = (
    "t.id, t.call, t.key, t.kind, t.subject, t.plan_id, t.from_id, t.to_id, t.amount, t.currency, t.description, t.at"
)
OLDEST_TRANSFER = Order("transfer", (Column("t.id", int),))


def _transfers_visible_to(viewer: Viewer) -> Sql:
    """Staff sees every transfer, everybody else those that touch an account of his."""
    if viewer.reads_everything:
        return TRUE
    mine = join([sql("SELECT a.id FROM ledger_account a WHERE"), visible_to(viewer)])
    return Sql(f"t.from_id IN ({mine.text}) OR t.to_id IN ({mine.text})", mine.values * 2)


async def transfers(viewer: Viewer, subject: str, cut: Cut) -> Page[TransferRecord]:
    """What moved for one subject ("deal:7"), the oldest first."""
    where = _transfers_visible_to(viewer) & sql("t.subject = {}", subject)
    return await page(
        sql(f"SELECT {TRANSFER_COLUMNS} FROM ledger_transfer t"), where, OLDEST_TRANSFER, cut, TransferRecord.of
    )


async def transfers_of_calls(calls: Sequence[int]) -> list[TransferRecord]:
    """The transfers behind entries that were seen already."""
    query = sql(
        f"SELECT {TRANSFER_COLUMNS} FROM ledger_transfer t WHERE t.call = ANY({{}}::bigint[]) ORDER BY t.id",
        list(calls),
    )
    return [TransferRecord.of(row) for row in await fetch(query)]


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as it stands."""

    id: str
    owner: str
    kind: str
    subject: str
    state: str
    reverts: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(**dict(row))

    @property
    def plan_id(self) -> str:
        """The id that its owner gave it."""
        return self.id.removeprefix(f"{self.owner}/")


def plan_actions(owner: str, state: str, viewer: Viewer) -> list[Action]:
    """What could be done with a plan: by its owner alone, and only while it holds."""
    why = None if state == "HOLD" else PLAN_STATE
    why = why if owner in viewer.tokens else NotAllowed.code
    return [Action(op, why is None, why) for op in ("hold", "commit", "rollback")]


def _plans_visible_to(viewer: Viewer) -> Sql:
    if viewer.reads_everything:
        return TRUE
    return sql("p.owner = ANY({}::text[])", sorted(viewer.tokens)) if viewer.tokens else FALSE


async def plans(viewer: Viewer, keys: Sequence[str]) -> dict[str, PlanRecord]:
    """The plans under "<owner>/<plan id>" that the viewer may see."""
    select = sql(
        """SELECT p.id, p.owner, p.kind, p.subject, p.state, p.reverts, p.version, p.created_at, p.updated_at
             FROM ledger_plan p WHERE"""
    )
    rows = await fetch(join([select, _plans_visible_to(viewer) & sql("p.id = ANY({}::text[])", list(keys))]))
    return {row["id"]: PlanRecord.of(row) for row in rows}


@dataclass(frozen=True, slots=True)
class PostingRecord:
    """One posting of a plan."""

    plan_id: str
    batch_id: int
    ordinal: int
    from_id: int
    to_id: int
    amount: int
    currency: str
    description: str

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(**dict(row))

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


async def postings(keys: Sequence[str]) -> list[PostingRecord]:
    """The postings of plans that were seen already, in the order in which they were held."""
    rows = await fetch(
        sql(
            """SELECT plan_id, batch_id, ordinal, from_id, to_id, amount, currency, description
                 FROM ledger_posting WHERE plan_id = ANY({}::text[]) ORDER BY plan_id, batch_id, ordinal""",
            list(keys),
        )
    )
    return [PostingRecord.of(row) for row in rows]
