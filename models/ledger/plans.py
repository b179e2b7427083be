"""Money that moves in two phases: batches are held, then all of them are committed or rolled back.

What a hold promises and how pending amounts net is the specification of payouts, section 10; here a repeat is
compared as a multiset, sums cannot wrap, and a revert is held and committed in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import orjson

from models.kernel.money import MINOR_MAX
from models.kernel.refusals import FieldProblem, InvalidInput
from models.kernel.sql import Db, fetch, sql
from models.ledger.chart import Account
from models.ledger.errors import InvalidPostings, PostingProblem, refused
from models.ledger.transfers import Accounts, By

BATCH_MIN, BATCH_MAX = -(2**63), 2**63 - 1
"""Both ends are reserved."""
PLAN_ID_MAX = 64
NOTE_MAX = 500
LEADS_TO = {"hold": "HOLD", "commit": "COMMIT", "rollback": "ROLLBACK", "revert": "COMMIT"}


@dataclass(frozen=True, slots=True)
class Posting:
    """`amount_minor` of `currency` from one account to another; 0 is stored, compared and shown, and moves nothing.

    Nouns name accounts of their chart, services name account ids of their own; None is the id of no account.
    """

    source: Account | int | None
    target: Account | int | None
    amount_minor: int
    currency: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Postings that are held together, under an id greater than that of every earlier batch of the plan."""

    id: int
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Which plan: `owner` alone can touch it, `kind` and `subject` go into its transfers."""

    id: str
    owner: str
    kind: str
    subject: str

    @property
    def key(self) -> str:
        """Plans of different owners never meet, even under the same id."""
        return f"{self.owner}/{self.id}"


@dataclass(frozen=True, slots=True)
class State:
    """What stood on an account when a call on a plan was answered, in minor units."""

    id: int
    name: str
    currency: str
    version: int
    own: int
    pending_out: int
    pending_in: int

    @property
    def min_available(self) -> int:
        """If everything pending out happens and nothing pending in."""
        return self.own - self.pending_out

    @property
    def max_available(self) -> int:
        """If everything pending in happens and nothing pending out."""
        return self.own + self.pending_in


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """What a call on a plan answered; `repeated` means that an earlier one is told again, unchanged."""

    key: str
    version: int
    state: str
    repeated: bool
    accounts: tuple[State, ...]

    @property
    def subject(self) -> str:
        return f"plan:{self.key}"

    @classmethod
    async def again(cls, db: Db, subject: str, version: int) -> Self:
        """What the call that brought the plan to `version` answered."""
        key = subject.removeprefix("plan:")
        query = "SELECT op, accounts FROM ledger_answer WHERE plan_id = $1 AND version = $2"
        stored = await db.fetchrow(query, key, version)
        return cls(key, version, LEADS_TO[stored["op"]], True, _states(stored["accounts"]))


def checked(batches: Sequence[Batch], *, one: bool) -> None:
    """Refuses what no state of the books could make right. [spec/payouts §10.4, steps 1 and 2]

    Refuses INVALID_INPUT for the shape of the batches, then INVALID_POSTINGS with all messages of every posting.
    """
    ids = [batch.id for batch in batches]
    shape = [
        (not batches, "a plan needs a batch"),
        (one and len(batches) > 1, "one batch is held at a time"),
        (len(set(ids)) < len(ids), "each batch id may stand once"),
        (any(not BATCH_MIN < id < BATCH_MAX for id in ids), "this batch id is reserved"),
        (any(not batch.postings for batch in batches), "a batch needs a posting"),
    ]
    if wrong := [FieldProblem("batch" if one else "batches", message) for is_so, message in shape if is_so]:
        raise InvalidInput(*wrong)
    problems = [
        PostingProblem(batch.id, index, tuple(messages))
        for batch in batches
        for index, posting in enumerate(batch.postings)
        if (messages := _messages(posting))
    ]
    if problems:
        raise InvalidPostings(problems)


def _messages(posting: Posting) -> list[str]:
    wrong = [
        (posting.source is not None and posting.source == posting.target, "source and target are the same account"),
        (len(posting.note) > NOTE_MAX, f"the description has more than {NOTE_MAX} characters"),
        (posting.amount_minor < 0, "the amount is negative"),
        (posting.amount_minor > MINOR_MAX, "the amount is more than can be moved at once"),
    ]
    return [message for is_so, message in wrong if is_so]


HOLD = "SELECT ledger_hold($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
HOLD_NAMED = "SELECT ledger_hold_named($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
FINISH = "SELECT ledger_finish($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
REVERT = "SELECT ledger_revert($1, $2, $3, $4, $5)"


async def hold(db: Db, plan: Plan, batch: Batch, by: By) -> PlanAnswer:
    """Hold a batch whose accounts the chart names; missing ones are born.

    Locks the plan, then the accounts. Refuses INVALID_INPUT, INVALID_POSTINGS, PLAN_STATE, INSUFFICIENT_FUNDS,
    ACCOUNT_FULL, having written nothing.
    """
    checked([batch], one=True)
    ends = [(_named(p.source), _named(p.target)) for p in batch.postings]
    accounts = Accounts.of([account for pair in ends for account in pair])
    sources, targets = ([accounts.places[pair[side]] for pair in ends] for side in (0, 1))
    return await _call(
        db, plan, "hold", HOLD_NAMED, [batch],
        plan.key, plan.owner, plan.kind, plan.subject, by.wire(), batch.id,
        *accounts.wire(), sources, targets, *_amounts([batch]),
    )  # fmt: skip


async def hold_own(db: Db, plan: Plan, batch: Batch, by: By) -> PlanAnswer:
    """Hold a batch over accounts that the plan's owner owns, named by id; anybody else's is an unknown account.

    Locks and refuses as `hold` does.
    """
    checked([batch], one=True)
    return await _call(
        db, plan, "hold", HOLD, [batch],
        plan.key, plan.owner, plan.kind, plan.subject, by.wire(), plan.owner, batch.id,
        *_ids([batch]), *_amounts([batch]),
    )  # fmt: skip


async def finish(
    db: Db,
    plan: Plan,
    op: Literal["commit", "rollback"],
    by: By,
    batches: Sequence[Batch] | None = None,
) -> PlanAnswer:
    """Commit or roll back all that the plan holds; where `batches` are given they must be exactly what is held.

    Locks the plan, then its accounts. Refuses PLAN_NOT_FOUND, PLAN_STATE, INVALID_POSTINGS, having written nothing.
    """
    if batches is None:
        return await _call(db, plan, op, FINISH, [], plan.key, plan.owner, op, by.wire(), *[None] * 6)
    checked(batches, one=False)
    numbers = [batch.id for batch in batches for _ in batch.postings]
    return await _call(
        db, plan, op, FINISH, batches,
        plan.key, plan.owner, op, by.wire(), numbers, *_ids(batches), *_amounts(batches),
    )  # fmt: skip


async def revert(db: Db, plan: Plan, revert_id: str, note: str, by: By) -> PlanAnswer:
    """Undo a committed plan by a mirrored one, held and committed in this one call.

    Locks the plan, then its accounts. Refuses PLAN_NOT_FOUND, PLAN_STATE, INSUFFICIENT_FUNDS where a floored account
    no longer has the money.
    """
    mirror = f"{plan.owner}/{revert_id}"
    return await _call(db, plan, "revert", REVERT, [], plan.key, plan.owner, mirror, note, by.wire())


async def _call(db: Db, plan: Plan, op: str, query: str, batches: Sequence[Batch], *arguments: Any) -> PlanAnswer:
    answer = orjson.loads(await db.fetchval(query, *arguments))
    if "refused" in answer:
        raise refused(answer, op, [(batch.id, n) for batch in batches for n in range(len(batch.postings))])
    states = tuple(State(**state) for state in answer["accounts"])
    return PlanAnswer(answer.get("plan", plan.key), answer["version"], LEADS_TO[op], answer["repeated"], states)


def _states(stored: str) -> tuple[State, ...]:
    return tuple(State(**state) for state in orjson.loads(stored))


def _named(account: Account | int | None) -> Account:
    if not isinstance(account, Account):
        raise TypeError("a noun names its accounts by the chart")
    return account


def _ids(batches: Sequence[Batch]) -> tuple[list[Any], list[Any]]:
    postings = [posting for batch in batches for posting in batch.postings]
    return [p.source for p in postings], [p.target for p in postings]


def _amounts(batches: Sequence[Batch]) -> tuple[list[int], list[str], list[str]]:
    postings = [posting for batch in batches for posting in batch.postings]
    return [p.amount_minor for p in postings], [p.currency for p in postings], [p.note for p in postings]


async def last_answers(keys: Sequence[str]) -> dict[str, list[State]]:
    """What the last call on each plan answered, for plans that were seen already."""
    rows = await fetch(
        sql(
            """SELECT DISTINCT ON (plan_id) plan_id, accounts FROM ledger_answer WHERE plan_id = ANY({}::text[])
                ORDER BY plan_id, version DESC""",
            list(keys),
        )
    )
    return {row["plan_id"]: list(_states(row["accounts"])) for row in rows}
