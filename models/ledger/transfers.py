"""Money that moves at once: from one account to another, for a reason, under a key that can be used only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from models.kernel.money import MINOR_MAX, Money
from models.kernel.sql import Db
from models.ledger.chart import Account
from models.ledger.errors import refused


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount` leaves `source` and arrives at `target`: balanced by construction.

    `kind` says why ("deal.hold"), `key` makes it unique for ever ("hold:deal:7").
    """

    kind: str
    source: Account
    target: Account
    amount: Money
    key: str
    note: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.amount.minor <= MINOR_MAX:
            raise ValueError(f"a transfer moves a positive amount up to {MINOR_MAX}, not {self.amount}")
        if self.source == self.target:
            raise ValueError(f"a transfer needs two accounts, not {self.source.name} twice")
        if {self.source.currency, self.target.currency} != {self.amount.currency}:
            raise ValueError(f"{self.amount} cannot move from {self.source} to {self.target}")


Movement = tuple[str, Sequence[Transfer]]
"""What a move of a noun posts, by an example: the move's name and its transfers."""


@dataclass(frozen=True, slots=True)
class By:
    """Whom the events of announced accounts name."""

    actor: str
    role: str
    request_id: str | None = None

    def wire(self) -> list[str | None]:
        return [self.actor, self.role, self.request_id]


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts that a call names, each once, as the arrays that the SQL functions take."""

    places: dict[Account, int]

    @classmethod
    def of(cls, accounts: Sequence[Account]) -> Accounts:
        return cls({account: place for place, account in enumerate(dict.fromkeys(accounts), start=1)})

    def wire(self) -> tuple[list[str], list[str], list[str], list[str]]:
        named = list(self.places)
        return (
            [a.line.kind for a in named], [a.name for a in named], [a.owner for a in named], [a.currency for a in named],
        )  # fmt: skip


POST = "SELECT ledger_post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"


async def post(db: Db, subject: str, by: By, transfers: Sequence[Transfer]) -> int:
    """Move money for `subject`, in the caller's transaction, judged as a whole. Answers the number of the call.

    Missing accounts are born, then floored and open accounts locked by id. Announced accounts tell their owners.
    Refuses INSUFFICIENT_FUNDS, ALREADY_POSTED, ACCOUNT_FULL, having written nothing: the transaction can go on.
    """
    if len({t.key for t in transfers}) != len(transfers):
        raise ValueError("each transfer of a call has a key of its own")
    accounts = Accounts.of([account for t in transfers for account in (t.source, t.target)])
    answer = orjson.loads(
        await db.fetchval(
            POST,
            subject,
            by.wire(),
            *accounts.wire(),
            [t.kind for t in transfers],
            [t.key for t in transfers],
            [accounts.places[t.source] for t in transfers],
            [accounts.places[t.target] for t in transfers],
            [t.amount.minor for t in transfers],
            [t.note for t in transfers],
        )
    )
    if "refused" in answer:
        raise refused(answer, "post")
    call: int = answer["call"]
    return call
