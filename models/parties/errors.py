"""What parties refuse beside the shared refusals, and how their terms can be impossible."""

from __future__ import annotations

from models.kernel.refusals import NotFound, Refusal

PARTY_NOT_FOUND = NotFound.finer("PARTY_NOT_FOUND", "There is no such party, or none that the asker may see.")
PARTY_NOT_EXISTS_YET = NotFound.finer("PARTY_NOT_EXISTS_YET", "The party, or the shop, did not exist at that moment.")
SHOP_NOT_FOUND = NotFound.finer("SHOP_NOT_FOUND", "The party has no such shop, or none that the asker may see.")
CONTRACT_NOT_FOUND = NotFound.finer("CONTRACT_NOT_FOUND", "The party has no such contract.")
PAYOUT_TOOL_NOT_FOUND = NotFound.finer("PAYOUT_TOOL_NOT_FOUND", "The shop's contract has no such payout tool.")
PAYMENT_INSTITUTION_NOT_FOUND = NotFound.finer("PAYMENT_INSTITUTION_NOT_FOUND", "There is no such payment institution.")
TERM_SET_NOT_FOUND = NotFound.finer("TERM_SET_NOT_FOUND", "There is no such set of terms.")


class ConfigurationError(Refusal):
    """The terms say nothing definite about this, or what cannot be: an operator has to correct them."""

    code = "CONFIGURATION_ERROR"
    http = 422

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class OperationNotPermitted(Refusal):
    """The contract's terms do not provide for this operation at all."""

    code = "OPERATION_NOT_PERMITTED"
    http = 403

    def __init__(self, message: str = "The contract has no terms for payouts.") -> None:
        super().__init__(message)
