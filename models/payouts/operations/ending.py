"""How a payout goes on: confirmed, cancelled, reverted, failed. [spec/payouts §3.3, §3.4, §4]"""

from __future__ import annotations

from models.events.requests import Request
from models.kernel.clock import now
from models.kernel.inputs import text
from models.kernel.refusals import IllegalMove, InvalidInput, NotAllowed, NotFound, VersionConflict
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.parties.lifecycle import ToolKind
from models.payouts import postings
from models.payouts.errors import PAYOUT_NOT_FOUND, DeliveryStarted
from models.payouts.lifecycle import BANKS, PAYOUTS, DeliveryStatus, PayoutStatus
from models.payouts.reads import PayoutRecord, meant
from models.payouts.tables import DETAILS_MAX, Delivery, Payout
from models.payouts.views import visible_to
from models.unit import Unit, operation
from settings import settings


@operation(answers=PayoutRecord, refuses=(NotFound, NotAllowed, IllegalMove, VersionConflict))
async def confirm(work: Unit, key: int | str, *, by: Viewer, request: Request | None = None) -> Payout:
    """What was held has happened; where an outside system is to be told, its delivery is queued. [spec/payouts §3.3]

    Locks the payout, then its plan, then accounts. Commits the plan, last: others wait for the accounts of the shop until this
    ends. Repeated: the payout, nothing written.
    """
    payout = await locked_payout(work, key, by)
    await moved(work, payout, PAYOUTS.may(payout, "confirm", by))
    if has_delivery(payout.tool_kind):
        await work.bear(
            Delivery(payout_id=payout.id, kind=payout.tool_kind, next_check_at=now()), "queue_delivery", payout
        )
    await work.finish(postings.plan(payout), "commit")
    return payout


def has_delivery(kind: ToolKind) -> bool:
    """Whether a worker delivers to tools of this kind: to wallets always, to banks where one is connected."""
    return kind is ToolKind.WALLET or (kind in BANKS and bool(settings().transfers_system))


@operation(
    answers=PayoutRecord,
    refuses=(NotFound, NotAllowed, IllegalMove, DeliveryStarted, InvalidInput, VersionConflict),
)
async def cancel(work: Unit, key: int | str, details: str, *, by: Viewer, request: Request | None = None) -> Payout:
    """Take a payout back, and say why: the hold is rolled back; a confirmed one is reverted by a mirrored plan, held and
    committed at once. [spec/payouts §3.4, §4.3]

    Locks the payout, its delivery, then its plan, then accounts. A delivery that has not begun is withdrawn; one that has refuses
    DELIVERY_STARTED. What went to a wallet is never taken back. The money moves last, as in `confirm`. Repeated: the payout, with
    its first details, nothing written.
    """
    payout = await locked_payout(work, key, by)
    move = PAYOUTS.may(payout, "revert" if payout.status is PayoutStatus.CONFIRMED else "cancel", by)
    if problems := text("details", details, DETAILS_MAX):
        raise InvalidInput(*problems)
    if payout.delivery_status is DeliveryStatus.QUEUED:
        await work.move_child(await locked_delivery(work, payout), "withdraw_delivery", payout)
    payout.cancel_details = details
    await moved(work, payout, move, details=details)
    if move == "revert":
        await revert(work, payout)
    else:
        await work.finish(postings.plan(payout), "rollback")
    return payout


async def revert(work: Unit, payout: Payout) -> None:
    """Give back what a committed plan took, by its mirror."""
    await work.revert(postings.plan(payout), postings.revert_id(payout), postings.revert_note(payout))


async def moved(work: Unit, payout: Payout, move: str, **facts: object) -> Payout:
    """The next status of a locked payout: the next in its sequence."""
    payout.sequence += 1
    return await work.move(payout, move, **facts)


async def locked_payout(work: Unit, key: int | str, by: Viewer) -> Payout:
    """Refuses PAYOUT_NOT_FOUND for a payout that is not there or that the asker may not see."""
    return await work.lock(Payout, meant(key), visible_to=visible_to(by), code=PAYOUT_NOT_FOUND)


async def locked_delivery(work: Unit, payout: Payout) -> Delivery:
    return await work.lock(Delivery, sql("r.payout_id = {}", payout.id), visible_to=TRUE)
