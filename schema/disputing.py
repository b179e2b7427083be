"""What can be done with disputes: the inputs, and what is answered."""

from __future__ import annotations

from typing import Annotated, cast

import strawberry

from models.kernel.files import File
from models.kernel.money import Money as Amount
from models.kernel.refusals import FieldProblem
from models.kernel.refusals import InvalidInput as WrongInput
from schema.adjustments import PaymentCallback
from schema.disputes import Dispute, DisputeRef
from schema.inputs import Asked
from schema.money import MoneyInput
from schema.refusals import (
    AdjustmentSent,
    Busy,
    CallbacksDisabled,
    CurrencyNotSupported,
    DisputeClosed,
    DisputeNotPossible,
    IdempotencyKeyConflict,
    IllegalMove,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
    PaymentNotConfirmed,
    TooMuchSaid,
    UpstreamUnavailable,
    VersionConflict,
)
from schema.scalars import Base64, Upload

KEY = "The same key again: the same answer again."
VERSION = "Refused when the dispute has another version."
EACH = "Up to a hundred; each is done for itself."


@strawberry.input(description="A file, by exactly one of `data` and `file`.")
class DisputeAttachmentInput:
    mime_type: str = strawberry.field(description="What it is; its bytes must tell the same.")
    data: Base64 | None = strawberry.field(default=None, description="Its bytes.")
    file: Upload | None = strawberry.field(default=None, description="The file of a multipart request.")

    def read(self, path: str) -> File:
        """Refuses INVALID_INPUT unless exactly one is given."""
        data, file = self.data, self.file
        if (data is None) == (file is None):
            raise WrongInput(FieldProblem(path, "must have either data or file"))
        return File(data if data is not None else cast(File, file).data, self.mime_type)


def files_of(attachments: list[DisputeAttachmentInput]) -> list[File]:
    return [one.read(f"attachments.{place}") for place, one in enumerate(attachments)]


@strawberry.input(description="A payment that failed here, and that its payer says he made.")
class CreateDisputeInput(Asked):
    invoice_id: str = strawberry.field(description="The invoice, 1 to 40 characters.")
    payment_id: str = strawberry.field(description="Its payment, 1 to 40 characters.")
    attachments: list[DisputeAttachmentInput] = strawberry.field(description="What shows that he did: 1 to 10 files.")
    idempotency_key: str = strawberry.field(description="The same key again: the same dispute again, created once.")
    amount: MoneyInput | None = strawberry.field(default=None, description="Left out: what the payment was for.")
    reason: str | None = strawberry.field(default=None, description="In your words, 1 to 1000 characters.")
    notification_url: str | None = strawberry.field(
        default=None, description="A public https address of yours that is told how it ends, up to 1000 characters."
    )


@strawberry.input(description="More files for an open dispute.")
class AddDisputeEvidenceInput(Asked):
    dispute: DisputeRef = strawberry.field(description="Which.")
    attachments: list[DisputeAttachmentInput] = strawberry.field(description="1 to 10 files.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Words about an open dispute.")
class CommentDisputeInput(Asked):
    dispute: DisputeRef = strawberry.field(description="Which.")
    text: str = strawberry.field(description="1 to 1000 characters.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A dispute to approve.")
class DisputeApproval:
    dispute: DisputeRef = strawberry.field(description="Which.")
    skip_provider_check: bool = strawberry.field(
        description="True: it has succeeded by your word, and billing is left as it is. False: its provider is asked, and "
        "billing put right. One that waits for its adjustment succeeds either way: with true the adjustment is called off, with "
        "false it goes on."
    )
    changed_amount: MoneyInput | None = strawberry.field(default=None, description="What the payer paid.")
    provider_message: str | None = strawberry.field(default=None, description="What the provider says.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)

    def changed(self) -> Amount | None:
        """Refuses INVALID_AMOUNT, CURRENCY_NOT_SUPPORTED."""
        return self.changed_amount.money() if self.changed_amount else None


@strawberry.input(description="A dispute to cancel.")
class DisputeCancellation:
    dispute: DisputeRef = strawberry.field(description="Which.")
    public_reason: str | None = strawberry.field(
        default=None, description="What its merchant is told, 1 to 200 characters."
    )
    provider_message: str | None = strawberry.field(default=None, description="What the provider says.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Which of a provider's disputes is ours.")
class DisputeBinding:
    dispute: DisputeRef = strawberry.field(description="Ours.")
    provider_dispute_id: str = strawberry.field(description="The provider's id, 1 to 200 characters.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A dispute whose provider is to be asked again.")
class DisputeResumption:
    dispute: DisputeRef = strawberry.field(description="Which.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="What a provider says of a dispute.")
class DisputeMessage:
    dispute: DisputeRef = strawberry.field(description="Which.")
    provider_message: str = strawberry.field(description="1 to 1000 characters.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Disputes that have succeeded.")
class ApproveDisputesInput(Asked):
    items: list[DisputeApproval] = strawberry.field(description=EACH)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Disputes to end.")
class CancelDisputesInput(Asked):
    items: list[DisputeCancellation] = strawberry.field(description=EACH)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Disputes that their providers had already.")
class BindDisputesInput(Asked):
    items: list[DisputeBinding] = strawberry.field(description=EACH)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Disputes whose time is over, to be given it anew.")
class ResumeDisputesInput(Asked):
    items: list[DisputeResumption] = strawberry.field(description=EACH)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="What providers say of disputes.")
class UpdateDisputeMessagesInput(Asked):
    items: list[DisputeMessage] = strawberry.field(description=EACH)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A dispute of whose end its merchant's server is to be told now.")
class ResendDisputeNotificationInput(Asked):
    dispute: DisputeRef = strawberry.field(description="Which.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A provider says that a payment succeeded after all.")
class ProviderPaymentCallbackInput(Asked):
    invoice_id: str = strawberry.field(description="The invoice, 1 to 40 characters.")
    payment_id: str = strawberry.field(description="Its payment, 1 to 40 characters.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


CreateDisputeResult = Annotated[
    Dispute
    | NotFound
    | NotAllowed
    | DisputeNotPossible
    | CurrencyNotSupported
    | InvalidAmount
    | InvalidInput
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("CreateDisputeResult"),
]
AddDisputeEvidenceResult = Annotated[
    Dispute
    | NotFound
    | NotAllowed
    | IllegalMove
    | DisputeClosed
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("AddDisputeEvidenceResult"),
]
CommentDisputeResult = Annotated[
    Dispute
    | NotFound
    | NotAllowed
    | IllegalMove
    | DisputeClosed
    | TooMuchSaid
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("CommentDisputeResult"),
]
ApproveDisputeResult = Annotated[
    Dispute
    | NotFound
    | NotAllowed
    | IllegalMove
    | PaymentNotConfirmed
    | AdjustmentSent
    | UpstreamUnavailable
    | CurrencyNotSupported
    | InvalidAmount
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("ApproveDisputeResult"),
]
CancelDisputeResult = Annotated[
    Dispute
    | NotFound
    | NotAllowed
    | IllegalMove
    | AdjustmentSent
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("CancelDisputeResult"),
]
BindDisputeResult = Annotated[
    Dispute | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("BindDisputeResult"),
]
ResumeDisputeResult = Annotated[
    Dispute | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("ResumeDisputeResult"),
]
UpdateDisputeMessageResult = Annotated[
    Dispute | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("UpdateDisputeMessageResult"),
]
ResendDisputeNotificationResult = Annotated[
    Dispute | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("ResendDisputeNotificationResult"),
]
ProviderPaymentCallbackResult = Annotated[
    PaymentCallback | NotAllowed | CallbacksDisabled | InvalidInput | Busy | IdempotencyKeyConflict,
    strawberry.union("ProviderPaymentCallbackResult"),
]
