"""Which statuses a deal has, and which moves lead where. [spec/deals §2]"""

from collections.abc import Set
from enum import StrEnum
from typing import Any

from models.deals.errors import (
    DEAL_DISPUTE_CREATE_NOT_ALLOWED,
    DEAL_DISPUTE_DOES_NOT_EXIST,
    DealDisputeAlreadyCreated,
    DealHasOpenDispute,
)
from models.kernel.lifecycle import Deed, Lifecycle, Move
from models.kernel.refusals import NotFound
from models.kernel.viewer import OPERATOR, SYSTEM, USER, Viewer

CUSTOMER, PERFORMER = "customer", "performer"


class DealStatus(StrEnum):
    CREATED = "created"
    WAITING_FOR_PAYMENT = "waiting_for_payment"
    CONFIRM_PERFORMER = "confirm_performer"
    DENY_PERFORMER = "deny_performer"
    CANCELLED = "cancelled"
    CLOSE = "close"
    ARB_CLOSE_PERFORMER = "arb_close_performer"
    ARB_CLOSE_CUSTOMER = "arb_close_customer"
    ARB_CLOSE_SPLIT = "arb_close_split"


class DisputeStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Resolution(StrEnum):
    """In whose favour a dispute was closed."""

    PERFORMER = "performer"
    CUSTOMER = "customer"
    SPLIT = "split"


def sides(deal: Any, viewer: Viewer) -> Set[str]:
    if not viewer.has(USER) or viewer.person is None:
        return frozenset()
    return {
        side
        for side, person in ((CUSTOMER, deal.customer_id), (PERFORMER, deal.performer_id))
        if person == viewer.person
    }


def no_open_dispute(deal: Any) -> None:
    if deal.dispute_status is DisputeStatus.OPEN:
        raise DealHasOpenDispute


def never_disputed(deal: Any) -> None:
    if deal.dispute_status is not None:
        raise DealDisputeAlreadyCreated


def disputed(deal: Any) -> None:
    if deal.dispute_status is None:
        raise NotFound("dispute", code=DEAL_DISPUTE_DOES_NOT_EXIST)


S = DealStatus
PENDING = frozenset({S.CREATED, S.WAITING_FOR_PAYMENT})
LIFECYCLE = Lifecycle(
    "deal",
    code="DEAL_STATUS_CHANGE_NOT_ALLOWED",
    start=S.CREATED,
    sides=sides,
    moves={
        "confirm": Move(PENDING, S.CONFIRM_PERFORMER, who={PERFORMER}),
        "wait": Move({S.CREATED}, S.WAITING_FOR_PAYMENT, who={PERFORMER}, led_to=True),
        "promote": Move({S.WAITING_FOR_PAYMENT}, S.CONFIRM_PERFORMER, who={SYSTEM}),
        "deny": Move({S.CREATED}, S.DENY_PERFORMER, who={PERFORMER}),
        "cancel": Move(PENDING, S.CANCELLED, who={CUSTOMER}),
        "expire": Move(PENDING, S.CANCELLED, who={SYSTEM}),
        "close": Move({S.CONFIRM_PERFORMER}, S.CLOSE, who={CUSTOMER, OPERATOR}, needs=(no_open_dispute,)),
        "close_for_performer": Move({S.CONFIRM_PERFORMER}, S.ARB_CLOSE_PERFORMER, who={OPERATOR}, first=(disputed,)),
        "close_for_customer": Move({S.CONFIRM_PERFORMER}, S.ARB_CLOSE_CUSTOMER, who={OPERATOR}, first=(disputed,)),
        "close_by_split": Move({S.CONFIRM_PERFORMER}, S.ARB_CLOSE_SPLIT, who={OPERATOR}, first=(disputed,)),
    },
    deeds={
        "open_dispute": Deed(
            who={CUSTOMER, PERFORMER},
            to={S.CONFIRM_PERFORMER},
            needs=(never_disputed,),
            code=DEAL_DISPUTE_CREATE_NOT_ALLOWED,
        ),
        "note_overdue": Deed(who={SYSTEM}, to={S.CONFIRM_PERFORMER}),
    },
)
CLOSINGS = {
    Resolution.PERFORMER: "close_for_performer",
    Resolution.CUSTOMER: "close_for_customer",
    Resolution.SPLIT: "close_by_split",
}
"""The move by which a dispute ends in somebody's favour."""
