"""Which statuses payments, wallets, sweeps and gateways have, and which moves lead where. [spec/deals §1, §2, §7.1]"""

from enum import StrEnum
from typing import Any

from models.kernel.lifecycle import Deed, Lifecycle, Move
from models.kernel.refusals import IllegalMove
from models.kernel.viewer import OPERATOR, SYSTEM
from settings import settings


class PaymentStatus(StrEnum):
    WAITING = "waiting"
    SUCCESS = "success"
    ERROR = "error"


class PaymentException(StrEnum):
    """What is not as it was asked for."""

    NONE = "none"
    PARTIAL = "partial"
    OVER = "over"
    LATE = "late"


class Step(StrEnum):
    """The steps of a payment's check, in their order."""

    BALANCE = "balance"
    CREDIT = "credit"
    DEALS = "deals"
    SWEEP = "sweep"
    STATUS = "status"
    WALLET = "wallet"


class WalletStatus(StrEnum):
    WAITING = "waiting"
    RECEIVED = "received"
    TRANSFERED = "transfered"


class SweepStatus(StrEnum):
    PLANNED = "planned"
    SIGNED = "signed"
    BROADCAST = "broadcast"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    EXPIRED = "expired"


class Purpose(StrEnum):
    """What a transaction of ours is for."""

    SWEEP = "sweep"
    TOP_UP = "top_up"


class Adapter(StrEnum):
    """Who speaks to the outside for a gateway."""

    TRON = "tron"
    BANK_TRANSFER = "bank_transfer"

    def takes(self, currency: str) -> bool:
        """A chain counts in the units of its token, a bank in those of money: neither can bring the other's."""
        return (currency in TOKENS) is (self is Adapter.TRON)


TOKENS = frozenset({"USDT"})


class GatewayStatus(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"


CODE = "PAYMENT_STATUS_CHANGE_NOT_ALLOWED"


def exception_of(payment: Any) -> PaymentException:
    """What is not as it was asked for, after something was credited."""
    if payment.status is PaymentStatus.ERROR:
        return PaymentException.LATE
    if payment.received_minor > payment.amount_minor:
        return PaymentException.OVER
    return PaymentException.NONE if covered(payment) else PaymentException.PARTIAL


def covered(payment: Any) -> bool:
    """Whether all of it came, but for what may be missing."""
    missing: int = payment.amount_minor - payment.received_minor
    may_miss: int = payment.amount_minor * settings().payment_tolerance_bps
    return missing * 10_000 <= may_miss


def not_covered(payment: Any) -> None:
    """What was paid whole is not ended as if it had not been."""
    if covered(payment):
        raise IllegalMove("payment", "fail", payment.status.name, ["settle"], code=CODE)


S = PaymentStatus
PAYMENTS = Lifecycle(
    "payment",
    code=CODE,
    start=S.WAITING,
    moves={
        "settle": Move({S.WAITING}, S.SUCCESS, who={SYSTEM}),
        "expire": Move({S.WAITING}, S.ERROR, who={SYSTEM}),
        "fail": Move({S.WAITING}, S.ERROR, who={OPERATOR}, needs=(not_covered,)),
    },
    deeds={
        "recheck": Deed(who={OPERATOR}),
        "see_deposit": Deed(who={SYSTEM}),
        "drop_deposit": Deed(who={SYSTEM}),
        "credit_deposit": Deed(who={SYSTEM}),
        "match_deposit": Deed(who={OPERATOR}),
        "defer_sweep": Deed(who={SYSTEM}),
        "call_for_attention": Deed(who={SYSTEM}),
        "recover": Deed(who={SYSTEM}),
    },
)

W = WalletStatus
WALLETS = Lifecycle(
    "wallet",
    start=W.WAITING,
    moves={
        "receive": Move({W.WAITING, W.TRANSFERED, W.RECEIVED}, W.RECEIVED, who={SYSTEM}),
        "transfer": Move({W.RECEIVED}, W.TRANSFERED, who={SYSTEM}),
    },
    deeds={"sweep": Deed(who={SYSTEM}, to={W.RECEIVED})},
)

A = SweepStatus
LIVE = frozenset({A.PLANNED, A.SIGNED, A.BROADCAST})
"""While an attempt is in one of these there is no other of its wallet and purpose."""
SENT = frozenset({A.SIGNED, A.BROADCAST})
SWEEPS = Lifecycle(
    "sweep",
    start=A.PLANNED,
    moves={
        "sign": Move({A.PLANNED}, A.SIGNED, who={SYSTEM}),
        "broadcast": Move({A.SIGNED}, A.BROADCAST, who={SYSTEM}),
        "confirm": Move(SENT, A.CONFIRMED, who={SYSTEM}),
        "fail": Move(SENT, A.FAILED, who={SYSTEM}),
        "expire": Move(SENT, A.EXPIRED, who={SYSTEM}),
    },
)

G = GatewayStatus
GATEWAYS = Lifecycle(
    "payment_gateway",
    start=G.ENABLED,
    moves={
        "disable": Move({G.ENABLED}, G.DISABLED, who={OPERATOR, SYSTEM}),
        "enable": Move({G.DISABLED}, G.ENABLED, who={OPERATOR, SYSTEM}),
    },
    deeds={
        "change": Deed(who={OPERATOR, SYSTEM}),
        "leave_unmatched": Deed(who={SYSTEM}),
    },
)
