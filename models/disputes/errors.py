"""What disputes refuse beside the shared refusals. [spec/disputes §8]"""

from __future__ import annotations

from models.kernel.refusals import InvalidInput, NotFound, Refusal

DISPUTE_NOT_FOUND = NotFound.finer("DISPUTE_NOT_FOUND", "There is no such dispute, or none that the asker may see.")
INVOICE_PAYMENT_NOT_FOUND = NotFound.finer(
    "INVOICE_PAYMENT_NOT_FOUND", "The invoice has no such payment with a route, or none that the asker may see."
)
NOTIFICATION_NOT_FOUND = NotFound.finer("NOTIFICATION_NOT_FOUND", "Nobody is to be notified of this dispute.")
UNEXPECTED_MIME_TYPE = InvalidInput.finer(
    "UNEXPECTED_MIME_TYPE", "A file is not of the type that it says, or its type is not taken."
)
ATTACHMENT_TOO_LARGE = InvalidInput.finer("ATTACHMENT_TOO_LARGE", "A file is larger than attachments may be.")
TOO_MANY_ATTACHMENTS = InvalidInput.finer("TOO_MANY_ATTACHMENTS", "There are more files than a dispute may have.")
NOTIFICATION_URL_NOT_ALLOWED = InvalidInput.finer(
    "NOTIFICATION_URL_NOT_ALLOWED", "Notifications go to public addresses over https alone."
)


class DisputeNotPossible(Refusal):
    """The payment cannot be disputed."""

    code = "DISPUTE_NOT_POSSIBLE"
    http = 400

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message, code=code)


PAYMENT_EXPIRED = DisputeNotPossible.finer("PAYMENT_EXPIRED", "Blocked: the payment is too old to be disputed.")
PAYMENT_NOT_STARTED = DisputeNotPossible.finer(
    "PAYMENT_NOT_STARTED", "Blocked: the payment was not initiated: its provider knows nothing of it."
)
TOO_MANY_DISPUTES = DisputeNotPossible.finer(
    "TOO_MANY_DISPUTES", "The payment was disputed as often as any payment may be."
)


class DisputeClosed(Refusal):
    """The dispute has ended: nothing is added to it any more."""

    code = "DISPUTE_CLOSED"

    def __init__(self) -> None:
        super().__init__("The dispute has ended; nothing is added to it any more.")


class TooMuchSaid(Refusal):
    """The dispute has as many comments as one may have."""

    code = "TOO_MANY_COMMENTS"

    def __init__(self, most: int) -> None:
        super().__init__(f"A dispute may have up to {most} comments.")


class AdjustmentSent(Refusal):
    """Billing was told to correct the payment: the dispute cannot be ended by hand any more."""

    code = "ADJUSTMENT_SENT"

    def __init__(self) -> None:
        super().__init__("Billing was told to correct the payment; what it does with it ends the dispute.")


class PaymentNotConfirmed(Refusal):
    """The provider says that the payment did not succeed: approve it without asking the provider, or cancel the dispute."""

    code = "PAYMENT_NOT_CONFIRMED"

    def __init__(self) -> None:
        super().__init__("The provider does not confirm that the payment succeeded.")


class CallbacksDisabled(Refusal):
    """Providers' callbacks are switched off."""

    code = "CALLBACKS_DISABLED"

    def __init__(self) -> None:
        super().__init__("Callbacks of providers are switched off here.")
