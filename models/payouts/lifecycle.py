"""Which statuses payouts, deliveries and schedules have, and which moves lead where. [spec/payouts §0, §4]"""

from enum import StrEnum
from typing import Any

from models.kernel.lifecycle import Deed, Lifecycle, Move
from models.kernel.refusals import IllegalMove
from models.kernel.viewer import MERCHANT, OPERATOR, SYSTEM
from models.parties.lifecycle import ToolKind
from models.payouts.errors import DeliveryNotOpen, DeliveryStarted
from settings import settings


class PayoutStatus(StrEnum):
    UNPAID = "unpaid"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class DeliveryStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"


class AttemptKind(StrEnum):
    """What was asked of the outside system."""

    SEND = "send"
    INQUIRE = "inquire"


class AttemptState(StrEnum):
    """How it ended; SENT: nobody has heard yet."""

    SENT = "sent"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class ScheduleStatus(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"


class RunOutcome(StrEnum):
    """What a run of a schedule came to."""

    CREATED = "created"
    TOO_LITTLE = "too_little"
    REFUSED = "refused"


CODE = "PAYOUT_STATUS_CHANGE_NOT_ALLOWED"
BANKS = frozenset({ToolKind.RUSSIAN_BANK_ACCOUNT, ToolKind.INTERNATIONAL_BANK_ACCOUNT})


def revertible(payout: Any) -> None:
    """What has gone to a wallet does not come back, nor anything where reverting is switched off."""
    if payout.tool_kind is ToolKind.WALLET or not settings().payout_revert_confirmed:
        raise IllegalMove("payout", "cancel", payout.status.name, [], code=CODE)


def not_started(payout: Any) -> None:
    if payout.delivery_status not in (None, DeliveryStatus.QUEUED):
        raise DeliveryStarted


def delivery_waits(payout: Any) -> None:
    if payout.delivery_status not in (DeliveryStatus.QUEUED, DeliveryStatus.UNKNOWN):
        raise DeliveryNotOpen


def delivery_unknown(payout: Any) -> None:
    if payout.delivery_status is not DeliveryStatus.UNKNOWN:
        raise DeliveryNotOpen


P = PayoutStatus
PAYOUTS = Lifecycle(
    "payout",
    code=CODE,
    start=P.UNPAID,
    moves={
        "confirm": Move({P.UNPAID}, P.CONFIRMED, who={OPERATOR, SYSTEM}),
        "cancel": Move({P.UNPAID}, P.CANCELLED, who={MERCHANT, OPERATOR}),
        "revert": Move({P.CONFIRMED}, P.CANCELLED, who={OPERATOR}, needs=(revertible, not_started)),
        "fail": Move({P.CONFIRMED}, P.FAILED, who={OPERATOR, SYSTEM}, led_to=True),
    },
    deeds={
        "queue_delivery": Deed(who={SYSTEM}),
        "recheck_delivery": Deed(who={OPERATOR}, needs=(delivery_waits,)),
        "resolve_delivery": Deed(who={OPERATOR}, needs=(delivery_unknown,)),
        "call_for_attention": Deed(who={SYSTEM}),
    },
)

D = DeliveryStatus
DELIVERIES = Lifecycle(
    "delivery",
    start=D.QUEUED,
    moves={
        "send_delivery": Move({D.QUEUED, D.UNKNOWN}, D.SENDING, who={SYSTEM}),
        "lose_delivery": Move({D.SENDING}, D.UNKNOWN, who={SYSTEM}),
        "deliver": Move({D.SENDING, D.UNKNOWN}, D.DELIVERED, who={OPERATOR, SYSTEM}),
        "refuse_delivery": Move({D.SENDING, D.UNKNOWN}, D.REFUSED, who={OPERATOR, SYSTEM}),
        "withdraw_delivery": Move({D.QUEUED}, D.WITHDRAWN, who={OPERATOR}),
    },
)

S = ScheduleStatus
SCHEDULES = Lifecycle(
    "payout_schedule",
    start=S.ENABLED,
    moves={
        "disable": Move({S.ENABLED}, S.DISABLED, who={OPERATOR}),
        "enable": Move({S.DISABLED}, S.ENABLED, who={OPERATOR}),
    },
    deeds={
        "change": Deed(who={OPERATOR}),
        "run": Deed(who={SYSTEM}, to={S.ENABLED}),
        "call_for_attention": Deed(who={SYSTEM}, to={S.ENABLED}),
    },
)
