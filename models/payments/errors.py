"""What payments refuse beside the shared refusals."""

from models.kernel.refusals import NotFound, Refusal

PAYMENT_NOT_FOUND = NotFound.finer("PAYMENT_NOT_FOUND", "There is no such payment, or none that the asker may see.")
PAYMENT_GATEWAY_NOT_FOUND = NotFound.finer("PAYMENT_GATEWAY_NOT_FOUND", "There is no such payment gateway.")
DEPOSIT_NOT_FOUND = NotFound.finer("DEPOSIT_NOT_FOUND", "There is no such deposit that waits to be matched.")


class GatewayDisabled(Refusal):
    """The payment gateway is switched off for now."""

    code = "GATEWAY_DISABLED"

    def __init__(self) -> None:
        super().__init__("This payment gateway is switched off; use another, or come back later.")


class TooManyPayments(Refusal):
    """The person has as many payments under way as anybody may have."""

    code = "TOO_MANY_PAYMENTS"
    http = 429
    retryable = True

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} payments are under way already; pay one, or let one expire.")


class GatewayUnavailable(Refusal):
    """The payment gateway lacks what it needs to make payments here; everything else works."""

    code = "GATEWAY_UNAVAILABLE"
    http = 503
    retryable = True

    def __init__(self) -> None:
        super().__init__("This payment gateway cannot take payments just now.")
