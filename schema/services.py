"""A service's own use of the ledger: accounts that it owns, and plans over them alone."""

from __future__ import annotations

from typing import Annotated

import strawberry

from models.ledger import plans
from schema.inputs import Asked
from schema.ledger import ACCOUNT, LedgerAccount, LedgerPlan
from schema.money import MoneyInput
from schema.node import number_of
from schema.refusals import (
    Busy,
    CurrencyNotSupported,
    IdempotencyKeyConflict,
    IllegalMove,
    InvalidAmount,
    InvalidInput,
    InvalidPostings,
    NotAllowed,
    NotFound,
)
from schema.scalars import BigInt, CurrencyCode


@strawberry.input(description="An account that the service will own.")
class CreateLedgerAccountInput(Asked):
    currency: CurrencyCode = strawberry.field(description="For ever.")
    idempotency_key: str = strawberry.field(description="The same key again: the same account again.")
    description: str = strawberry.field(default="", description="Up to 1,000 characters.")


@strawberry.input(description="One posting between two accounts of the service.")
class LedgerPostingInput:
    source: strawberry.ID = strawberry.field(description="A LedgerAccount that gives.")
    target: strawberry.ID = strawberry.field(description="A LedgerAccount that receives.")
    money: MoneyInput = strawberry.field(description="Not negative; zero is kept and moves nothing.")
    description: str = strawberry.field(default="", description="Compared when a call is repeated.")

    def posting(self) -> plans.Posting:
        """Refuses INVALID_AMOUNT, CURRENCY_NOT_SUPPORTED. An id that is none becomes that of no account."""
        money = self.money.money()
        source, target = (number_of(id, ACCOUNT) for id in (self.source, self.target))
        return plans.Posting(source, target, money.minor, money.currency, self.description)


@strawberry.input(description="Postings that are held together.")
class LedgerBatchInput:
    id: BigInt = strawberry.field(
        description="Greater than that of every earlier batch; the ends of 64 bits are reserved."
    )
    postings: list[LedgerPostingInput] = strawberry.field(description="At least one.")

    def batch(self) -> plans.Batch:
        return plans.Batch(self.id, tuple(posting.posting() for posting in self.postings))


@strawberry.input(description="One batch of a plan of the service.")
class HoldPlanInput(Asked):
    plan_id: str = strawberry.field(description="The service's own id for the plan, 1 to 64 characters.")
    batch: LedgerBatchInput = strawberry.field(description="What to hold.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="A plan's calls can be repeated without one."
    )


@strawberry.input(description="A whole plan of the service, with exactly what it holds.")
class FinishPlanInput(Asked):
    plan_id: str = strawberry.field(description="The service's own id for the plan.")
    batches: list[LedgerBatchInput] | None = strawberry.field(
        default=None,
        description="Exactly the batches held, in any order of postings; left out: whatever is held.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="A plan's calls can be repeated without one."
    )

    def held(self) -> list[plans.Batch] | None:
        return None if self.batches is None else [batch.batch() for batch in self.batches]


CreateLedgerAccountResult = Annotated[
    LedgerAccount | NotAllowed | CurrencyNotSupported | InvalidInput | Busy | IdempotencyKeyConflict,
    strawberry.union("CreateLedgerAccountResult"),
]
HoldPlanResult = Annotated[
    LedgerPlan
    | NotAllowed
    | IllegalMove
    | InvalidInput
    | InvalidPostings
    | InvalidAmount
    | CurrencyNotSupported
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("HoldPlanResult"),
]
CommitPlanResult = Annotated[
    LedgerPlan
    | NotFound
    | NotAllowed
    | IllegalMove
    | InvalidInput
    | InvalidPostings
    | InvalidAmount
    | CurrencyNotSupported
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("CommitPlanResult"),
]
RollbackPlanResult = Annotated[
    LedgerPlan
    | NotFound
    | NotAllowed
    | IllegalMove
    | InvalidInput
    | InvalidPostings
    | InvalidAmount
    | CurrencyNotSupported
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("RollbackPlanResult"),
]
