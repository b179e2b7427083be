"""What a service can do with the ledger. [spec/payouts §10.1]"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import uuid4

from models.events.requests import Request
from models.kernel.money import exponent
from models.kernel.refusals import (
    CurrencyNotSupported,
    FieldProblem,
    IllegalMove,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
)
from models.kernel.viewer import SERVICE, Viewer
from models.ledger.balances import AccountRecord
from models.ledger.errors import InvalidPostings
from models.ledger.plans import PLAN_ID_MAX, Batch, PlanAnswer
from models.services import postings
from models.unit import Unit, operation

DESCRIPTION_MAX = 1_000


@operation(answers=AccountRecord, refuses=(NotAllowed, CurrencyNotSupported, InvalidInput))
async def create_account(
    work: Unit, currency: str, description: str, *, by: Viewer, request: Request | None = None
) -> AccountRecord:
    """Open an account in one currency that the service owns and its plans may name; it may go below zero."""
    _service(by, "create_account")
    exponent(currency)
    if len(description) > DESCRIPTION_MAX or "\x00" in description:
        raise InvalidInput(FieldProblem("description", f"must have up to {DESCRIPTION_MAX} characters"))
    return await work.open_account(postings.account(by, uuid4().hex, currency), description)


@operation(answers=PlanAnswer, refuses=(NotAllowed, IllegalMove, InvalidInput, InvalidPostings, InvalidAmount))
async def hold_plan(
    work: Unit, plan_id: str, batch: Batch, *, by: Viewer, request: Request | None = None
) -> PlanAnswer:
    """Hold one batch of a plan over accounts of the service; the plan is born with its first batch.

    Locks the plan, then its accounts. Repeated with the same batch: what the first call answered, nothing written.
    Refuses PLAN_STATE for a final plan, INVALID_POSTINGS naming each wrong posting, INVALID_INPUT for the shape.
    """
    _service(by, "hold")
    _plan_id(plan_id)
    return await work.hold_own(postings.plan(by, plan_id), batch)


@operation(
    answers=PlanAnswer, refuses=(NotAllowed, NotFound, IllegalMove, InvalidInput, InvalidPostings, InvalidAmount)
)
async def finish_plan(
    work: Unit,
    plan_id: str,
    op: Literal["commit", "rollback"],
    batches: Sequence[Batch] | None,
    *,
    by: Viewer,
    request: Request | None = None,
) -> PlanAnswer:
    """Commit or roll back a whole plan; `batches` must be exactly those held, compared as multisets; None: as it is held.

    Locks the plan, then its accounts. Repeated: what the first call answered, nothing written.
    Refuses PLAN_NOT_FOUND, PLAN_STATE for a plan that is final otherwise, INVALID_POSTINGS for any difference.
    """
    _service(by, op)
    _plan_id(plan_id)
    return await work.finish(postings.plan(by, plan_id), op, batches)


def _service(by: Viewer, action: str) -> None:
    if not by.has(SERVICE):
        raise NotAllowed(action)


def _plan_id(plan_id: str) -> None:
    if not 0 < len(plan_id) <= PLAN_ID_MAX or "\x00" in plan_id:
        raise InvalidInput(FieldProblem("planId", f"must have 1 to {PLAN_ID_MAX} characters"))
