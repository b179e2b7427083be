"""How a payout is created: computed, held and told, in one transaction. [spec/payouts §3.1, §5]"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from models.events.requests import Request
from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.refusals import FieldProblem, InvalidAmount, InvalidInput, NotAllowed, NotFound
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import MERCHANT, OPERATOR, SYSTEM, Viewer
from models.ledger.errors import InsufficientFunds, InvalidPostings
from models.parties.errors import PARTY_NOT_FOUND, SHOP_NOT_FOUND, ConfigurationError, OperationNotPermitted
from models.parties.reads import CheckedOut, checkout
from models.parties.tables import Shop
from models.parties.views import party_visible_to, shop_visible_to
from models.payouts import postings
from models.payouts.errors import (
    CashLimitExceeded,
    ContractNotActive,
    NotOperating,
    PayoutAlreadyExists,
    PayoutMethodNotAllowed,
)
from models.payouts.postings import Quote
from models.payouts.reads import PayoutRecord
from models.payouts.tables import PAYOUT_ID_MAX, Payout, PayoutSchedule
from models.unit import Unit, operation
from settings import settings

SCHEDULED = "schedule-"
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
QUOTED = (
    NotFound, InvalidInput, InvalidAmount, InsufficientFunds, NotOperating, ContractNotActive, CashLimitExceeded,
    PayoutMethodNotAllowed, OperationNotPermitted, ConfigurationError,
)  # fmt: skip
"""What computing a payout can refuse."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be paid out, as it was asked. Without an id it gets one; without a tool it goes to the shop's own."""

    party: str
    shop: str
    money: Money
    payout_id: str | None = None
    tool: str | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """For which moment of which schedule a payout is made, and under which claim."""

    schedule: int
    at: datetime
    token: UUID
    auto_confirm: bool


@operation(answers=PayoutRecord, refuses=(*QUOTED, NotAllowed, PayoutAlreadyExists, InvalidPostings))
async def make(
    work: Unit, asked: Asked, *, slot: Slot | None = None, by: Viewer, request: Request | None = None
) -> Payout:
    """A merchant, an operator or a schedule has money paid out of a shop: its cash flow is held. [spec/payouts §3.1]

    Locks the id's key where one was given, then the shop, together with others: what its payouts rest on stays as it is until
    this ends, so a block is never missed. Holds the plan `payout_<id>`; the floor of the settlement account is the check of the
    balance. A schedule's is made while its claim holds: whoever came too late, or whose schedule was changed or stopped
    meanwhile, finds NOT_FOUND. Refuses INSUFFICIENT_FUNDS for nothing or less, before all else; PAYOUT_ALREADY_EXISTS;
    PARTY_NOT_FOUND, SHOP_NOT_FOUND; then what computing it refuses (`quote`); then INSUFFICIENT_FUNDS by the ledger. A refusal
    leaves no trace, and the id stays free.
    """
    postings.something(asked.money)
    if not by.has(MERCHANT, OPERATOR, SYSTEM):
        raise NotAllowed("pay out")
    payout_id = await _free(work, asked.payout_id, slot)
    state = await _state(work, asked, by)
    if slot is not None:
        claimed = sql("r.id = {} AND r.lease_token = {}", slot.schedule, slot.token)
        await work.share(PayoutSchedule, claimed, visible_to=TRUE)
    quoted = postings.quote(state, asked.money, asked.tool, now(), strict=settings().payout_strict)
    payout = _payout(payout_id, state, quoted, slot)
    await work.open(payout)
    await work.hold(postings.plan(payout), postings.batch(payout_id, quoted))
    return payout


def _payout(payout_id: str, state: CheckedOut, quoted: Quote, slot: Slot | None) -> Payout:
    return Payout(
        payout_id=payout_id,
        shop_id=state.shop.id,
        party_code=state.party.code,
        shop_code=state.shop.code,
        tool_id=quoted.tool.id,
        tool_code=quoted.tool.code,
        tool_kind=quoted.tool.kind,
        destination=dict(quoted.tool.details),
        currency=quoted.requested.currency,
        requested_minor=quoted.requested.minor,
        amount_minor=quoted.amount.minor,
        fee_minor=quoted.fee.minor,
        cash_flow=postings.cash_flow(quoted, state.account_ids),
        schedule_id=slot and slot.schedule,
        slot=slot and slot.at,
        auto_confirm=slot is not None and slot.auto_confirm,
    )


async def _free(work: Unit, payout_id: str | None, slot: Slot | None) -> str:
    """The id that was asked for, if nobody has it, or a new one. Two who ask for one id come here one after the other. Those of
    schedules are theirs: nobody takes one away beforehand."""
    if payout_id is None:
        return str(uuid4())
    if not ID.fullmatch(payout_id) or len(payout_id) > PAYOUT_ID_MAX:
        wrong = f"must have 1 to {PAYOUT_ID_MAX} letters, digits, dots, colons, dashes or underscores"
        raise InvalidInput(FieldProblem("payoutId", wrong))
    if payout_id.startswith(SCHEDULED) and slot is None:
        raise InvalidInput(FieldProblem("payoutId", f'must not begin with "{SCHEDULED}": those are of schedules'))
    await work.alone(f"payout:{payout_id}")
    if await work.db.fetchval("SELECT EXISTS (SELECT FROM payout WHERE payout_id = $1)", payout_id):
        raise PayoutAlreadyExists
    return payout_id


# the state of a shop


class _States:
    """The last states of shops that were read: while its revision is the same, so is what it says."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], CheckedOut] = OrderedDict()

    def get(self, party: str, shop: str) -> CheckedOut | None:
        found = self._known.get((party, shop))
        if found is not None:
            self._known.move_to_end((party, shop))
        return found

    def put(self, state: CheckedOut) -> CheckedOut:
        self._known[state.party.code, state.shop.code] = state
        self._known.move_to_end((state.party.code, state.shop.code))
        while len(self._known) > settings().payout_states_max:
            self._known.popitem(last=False)
        return state


_STATES = _States()


async def _state(work: Unit, asked: Asked, by: Viewer) -> CheckedOut:
    """The shop as it is, held so until the unit ends. Refuses PARTY_NOT_FOUND, SHOP_NOT_FOUND."""
    known = _STATES.get(asked.party, asked.shop)
    if known is not None and await _held(work, asked, by, known):
        return known
    where = sql("r.party_code = {} AND r.code = {}", asked.party, asked.shop)
    try:
        await work.share(Shop, where, visible_to=shop_visible_to(by), code=SHOP_NOT_FOUND)
    except NotFound:
        await _party_is_there(work, asked, by)
        raise
    return _STATES.put(await checkout(asked.party, asked.shop))


async def _held(work: Unit, asked: Asked, by: Viewer, known: CheckedOut) -> bool:
    """Hold the shop if it is at the revision at which it is known, and the terms are."""
    where = sql(
        """r.party_code = {} AND r.code = {} AND r.revision = {}
           AND (SELECT d.revision FROM domain d) = {}""",
        asked.party,
        asked.shop,
        *known.revision,
    )
    try:
        await work.share(Shop, where, visible_to=shop_visible_to(by))
    except NotFound:
        return False
    return True


async def _party_is_there(work: Unit, asked: Asked, by: Viewer) -> None:
    """Refuses PARTY_NOT_FOUND for a party that is not there or that the asker may not see."""
    text, values = (party_visible_to(by) & sql("r.code = {}", asked.party)).render()
    if not await work.db.fetchval(f"SELECT EXISTS (SELECT FROM party r WHERE {text})", *values):
        raise NotFound("party", code=PARTY_NOT_FOUND)
