"""What payouts refuse beside the shared refusals."""

from __future__ import annotations

from collections.abc import Collection

from models.kernel.money import Money
from models.kernel.refusals import InvalidInput, NotFound, Refusal

PAYOUT_NOT_FOUND = NotFound.finer("PAYOUT_NOT_FOUND", "There is no such payout, or none that the asker may see.")
PAYOUT_TOOL_REQUIRED = InvalidInput.finer("PAYOUT_TOOL_REQUIRED", "No payout tool was named, and the shop has none.")
SHOP_CURRENCY_MISMATCH = InvalidInput.finer("SHOP_CURRENCY_MISMATCH", "The shop's accounts are in another currency.")
PAYOUT_TOOL_CURRENCY_MISMATCH = InvalidInput.finer(
    "PAYOUT_TOOL_CURRENCY_MISMATCH", "The payout tool takes another currency than the shop has."
)


class PayoutAlreadyExists(Refusal):
    """A payout with this id was created before, by whomever; nothing was held again."""

    code = "PAYOUT_ALREADY_EXISTS"

    def __init__(self) -> None:
        super().__init__("There is a payout with this id already.")


class NotOperating(Refusal):
    """The shop is blocked: nothing is paid out of it until an operator takes that back."""

    code = "SHOP_BLOCKED"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message, code=code)


PARTY_BLOCKED = NotOperating.finer("PARTY_BLOCKED", "The party is blocked, and with it every shop of its.")
PARTY_SUSPENDED = NotOperating.finer("PARTY_SUSPENDED", "The party is suspended at its own wish.")
SHOP_SUSPENDED = NotOperating.finer("SHOP_SUSPENDED", "The shop is suspended at its party's wish.")


class ContractNotActive(Refusal):
    """The shop's contract was terminated, or its time has not come or is over."""

    code = "CONTRACT_NOT_ACTIVE"

    def __init__(self) -> None:
        super().__init__("The shop's contract is not in force.")


class CashLimitExceeded(Refusal):
    """The terms allow no payout of this amount."""

    code = "CASH_LIMIT_EXCEEDED"
    http = 422

    def __init__(self, limit: str, amount: Money, *, too_little: bool) -> None:
        self.limit, self.too_little = limit, too_little
        super().__init__(f"{amount} is not within what the terms allow: {limit}.")


class PayoutMethodNotAllowed(Refusal):
    """The terms allow no payout to a tool of this kind."""

    code = "PAYOUT_METHOD_NOT_ALLOWED"
    http = 422

    def __init__(self, method: str, allowed: Collection[str]) -> None:
        self.method, self.allowed = method, tuple(sorted(allowed))
        super().__init__(f"The terms allow no payout by {method}.")


class DeliveryStarted(Refusal):
    """The money may have left: the payout cannot be taken back any more."""

    code = "DELIVERY_STARTED"

    def __init__(self) -> None:
        super().__init__("The delivery has begun; what has left cannot be taken back.")


class DeliveryNotOpen(Refusal):
    """There is no delivery of which nobody knows how it ends."""

    code = "DELIVERY_NOT_OPEN"

    def __init__(self) -> None:
        super().__init__("This payout has no delivery that waits for a word.")
