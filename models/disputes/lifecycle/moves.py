"""Which moves lead where, and who may make them. [spec/disputes §2.2]"""

from __future__ import annotations

from typing import Any

from models.disputes.errors import NOTIFICATION_NOT_FOUND, AdjustmentSent, DisputeClosed
from models.disputes.lifecycle.statuses import (
    CLOSED,
    OPEN,
    AdjustmentStatus,
    CallbackStatus,
    DisputeStatus,
    NotificationStatus,
)
from models.kernel.lifecycle import Deed, Lifecycle, Move
from models.kernel.refusals import NotFound
from models.kernel.viewer import MERCHANT, OPERATOR, SYSTEM

CODE = "DISPUTE_STATUS_CHANGE_NOT_ALLOWED"


def still_open(dispute: Any) -> None:
    """Its own refusal, for a merchant may not learn the status by being refused."""
    if dispute.status in CLOSED:
        raise DisputeClosed


def nothing_sent(dispute: Any) -> None:
    """What billing was told to correct cannot be taken back by us."""
    if dispute.adjustment_sent and dispute.adjustment_status is AdjustmentStatus.CREATE_ADJUSTMENT:
        raise AdjustmentSent


def somebody_to_notify(dispute: Any) -> None:
    if dispute.notification_status is None:
        raise NotFound("notification", code=NOTIFICATION_NOT_FOUND)


S = DisputeStatus
HUMAN = {S.PENDING, S.MANUAL_PENDING, S.POOLING_EXPIRED}
DISPUTES = Lifecycle(
    "dispute",
    code=CODE,
    start=S.CREATED,
    moves={
        "accept": Move({S.CREATED}, S.PENDING, who={SYSTEM}, led_to=True),
        "find_existing": Move({S.CREATED}, S.ALREADY_EXIST_CREATED, who={SYSTEM}, led_to=True),
        "escalate": Move({S.CREATED, S.PENDING, S.CREATE_ADJUSTMENT}, S.MANUAL_PENDING, who={SYSTEM}, led_to=True),
        "confirm": Move({S.CREATED, S.PENDING}, S.CREATE_ADJUSTMENT, who={SYSTEM}, led_to=True),
        "expire": Move({S.PENDING}, S.POOLING_EXPIRED, who={SYSTEM}, led_to=True),
        "step_back": Move({S.PENDING}, S.CREATED, who={SYSTEM}, led_to=True),
        "approve": Move(HUMAN, S.CREATE_ADJUSTMENT, who={OPERATOR}),
        "settle": Move(HUMAN | {S.CREATE_ADJUSTMENT}, S.SUCCEEDED, who={OPERATOR}, needs=(nothing_sent,)),
        "bind": Move({S.ALREADY_EXIST_CREATED}, S.PENDING, who={OPERATOR}),
        "resume": Move({S.POOLING_EXPIRED}, S.PENDING, who={OPERATOR}),
        "cancel": Move(OPEN, S.CANCELLED, who={OPERATOR}, needs=(nothing_sent,)),
        "succeed": Move(OPEN, S.SUCCEEDED, who={SYSTEM}, led_to=True),
        "fail": Move(OPEN, S.FAILED, who={SYSTEM}, led_to=True),
    },
    deeds={
        "add_evidence": Deed(who={MERCHANT, OPERATOR}, needs=(still_open,)),
        "comment": Deed(who={MERCHANT, OPERATOR}, needs=(still_open,)),
        "update_messages": Deed(who={OPERATOR}, to=HUMAN),
        "want_notification": Deed(who={SYSTEM}),
        "resend_notification": Deed(who={OPERATOR}, to=CLOSED, needs=(somebody_to_notify,)),
        "send_adjustment": Deed(who={SYSTEM}),
        "call_for_attention": Deed(who={SYSTEM}, to=OPEN),
    },
)

A = AdjustmentStatus
ADJUSTMENTS = Lifecycle(
    "adjustment",
    start=A.CREATE_ADJUSTMENT,
    moves={
        "finish": Move({A.CREATE_ADJUSTMENT}, A.SUCCEEDED, who={SYSTEM}),
        "fail": Move({A.CREATE_ADJUSTMENT}, A.FAILED, who={SYSTEM}),
        "cancel": Move({A.CREATE_ADJUSTMENT}, A.CANCELLED, who={OPERATOR, SYSTEM}),
        "restart": Move({A.SUCCEEDED, A.FAILED, A.CANCELLED}, A.CREATE_ADJUSTMENT, who={OPERATOR, SYSTEM}),
    },
    deeds={"join": Deed(who={OPERATOR, SYSTEM}), "send": Deed(who={SYSTEM})},
)

N = NotificationStatus
NOTIFICATIONS = Lifecycle(
    "notification",
    start=N.PENDING,
    moves={
        "notify": Move({N.PENDING, N.ATTEMPTS_LIMIT}, N.DELIVERED, who={OPERATOR, SYSTEM}),
        "give_up_notifying": Move({N.PENDING}, N.ATTEMPTS_LIMIT, who={SYSTEM}),
    },
)

C = CallbackStatus
CALLBACKS = Lifecycle(
    "payment_callback",
    start=C.RECEIVED,
    moves={
        "confirm": Move({C.RECEIVED}, C.CONFIRMED, who={SYSTEM}),
        "deny": Move({C.RECEIVED}, C.DENIED, who={SYSTEM}),
        "ignore": Move({C.RECEIVED}, C.IGNORED, who={SYSTEM}),
    },
)
