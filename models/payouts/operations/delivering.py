"""The units of a delivery: claim, begin, and what came of it; and what operators say of one that nobody knows of.
[spec/payouts §0]

The call of the outside system stands between two units. What it was asked is written before; who died in the call left SENDING
behind, and whoever finds that asks what became of it before anything is sent again, under the same key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from models.events.requests import Request
from models.kernel.clock import now
from models.kernel.inputs import text
from models.kernel.money import Money
from models.kernel.refusals import IllegalMove, InvalidInput, NotAllowed, NotFound, VersionConflict
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.parties.lifecycle import ToolKind
from models.payouts import postings
from models.payouts.errors import DeliveryNotOpen
from models.payouts.lifecycle import PAYOUTS, AttemptKind, AttemptState, DeliveryStatus
from models.payouts.operations.ending import locked_delivery, locked_payout, moved, revert
from models.payouts.reads import PayoutRecord
from models.payouts.tables import ERROR_MAX, Delivery, DeliveryAttempt, Payout
from models.unit import Unit, operation, step
from models.work.claims import DUE, back_off, claim, release, still_ours
from settings import settings

OPEN = frozenset({DeliveryStatus.QUEUED, DeliveryStatus.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours until its lease ends."""

    id: int
    payout: int
    token: UUID
    kind: ToolKind
    status: DeliveryStatus

    def __repr__(self) -> str:
        return f"<delivery of payout {self.payout}>"


@dataclass(frozen=True, slots=True)
class Begun:
    """What is asked of the outside system, and as which attempt."""

    key: str
    attempt: int
    destination: Mapping[str, str]
    amount: Money
    note: str


@step()
async def claim_queued(work: Unit, *, limit: int, lease_seconds: int, by: Viewer) -> list[Claimed]:
    """Take deliveries that were never sent, the longest due first."""
    due = sql(f"r.status = 'queued' AND {DUE}")
    return await _claimed(work, await claim(work, Delivery, due, limit=limit, lease_seconds=lease_seconds, order=ORDER))


@step()
async def claim_unknown(work: Unit, *, limit: int, lease_seconds: int, by: Viewer) -> list[Claimed]:
    """Take deliveries of which nobody knows what became: those that got no answer, and those that were being sent by somebody
    whose lease is over."""
    due = sql(f"r.status IN ('unknown', 'sending') AND {DUE}")
    return await _claimed(work, await claim(work, Delivery, due, limit=limit, lease_seconds=lease_seconds, order=ORDER))


ORDER = "r.next_check_at, r.id"


async def _claimed(work: Unit, rows: list[Delivery]) -> list[Claimed]:
    return [
        Claimed(row.id, row.payout_id, row.lease_token, row.kind, row.status)
        for row in rows
        if row.lease_token is not None
    ]


@step()
async def begin(work: Unit, claimed: Claimed, kind: AttemptKind, *, by: Viewer) -> Begun | None:
    """Write down what is about to be asked. SEND moves the delivery to SENDING; INQUIRE first has one that was left there
    UNKNOWN. Locks the payout, then its delivery. None: the claim is over, or the delivery stands elsewhere."""
    payout, delivery = await _ours(work, claimed)
    if payout is None or delivery is None:
        return None
    if kind is AttemptKind.INQUIRE and delivery.status is DeliveryStatus.SENDING:
        await _close_attempts(work, delivery, AttemptState.UNKNOWN, "nobody came back with an answer")
        await work.move_child(delivery, "lose_delivery", payout, reason="nobody came back with an answer")
    if not await _may_ask(delivery, kind):
        return None
    number = 1 + await DeliveryAttempt.filter(delivery_id=delivery.id).count()
    at = await work.moment()
    attempt = DeliveryAttempt(delivery_id=delivery.id, number=number, kind=kind, state=AttemptState.SENT, started_at=at)
    await work.attach(attempt)
    if kind is AttemptKind.SEND:
        await work.move_child(delivery, "send_delivery", payout, attempt=number)
    return Begun(
        postings.key(payout.payout_id),
        number,
        payout.destination,
        payout.amount,
        f"Payout {payout.payout_id}",
    )


async def _may_ask(delivery: Delivery, kind: AttemptKind) -> bool:
    """Nothing is sent twice blindly: what may have been sent goes again only where the last word is that it never came."""
    if kind is AttemptKind.INQUIRE or delivery.status is not DeliveryStatus.UNKNOWN:
        return delivery.status is (DeliveryStatus.UNKNOWN if kind is AttemptKind.INQUIRE else DeliveryStatus.QUEUED)
    last = await DeliveryAttempt.filter(delivery_id=delivery.id).order_by("-number").first()
    return last is not None and last.state is AttemptState.ABSENT


@step()
async def delivered(work: Unit, claimed: Claimed, reference: str, *, by: Viewer) -> bool:
    """It has arrived: the shop's payout account gives it away. Locks the payout, its delivery, then accounts. Posts
    `delivered`. False: the claim is over, and nothing is written."""
    payout, delivery = await _ours(work, claimed)
    if payout is None or delivery is None:
        return False
    await _close_attempts(work, delivery, AttemptState.ACCEPTED, reference)
    await _arrived(work, payout, delivery, reference)
    return True


@step()
async def refused(work: Unit, claimed: Claimed, code: str, *, by: Viewer) -> bool:
    """A definite no: the payout has failed, and its money is given back, in one transaction. Locks the payout, its delivery, its
    plan, then accounts. False: the claim is over, and nothing is written."""
    payout, delivery = await _ours(work, claimed)
    if payout is None or delivery is None:
        return False
    await _close_attempts(work, delivery, AttemptState.REFUSED, code)
    await _came_back(work, payout, delivery, code)
    return True


@step()
async def absent(work: Unit, claimed: Claimed, *, by: Viewer) -> bool:
    """The outside system has never heard of it: it may be sent again, under the same key."""
    payout, delivery = await _ours(work, claimed)
    if payout is None or delivery is None or delivery.status is not DeliveryStatus.UNKNOWN:
        return False
    await _close_attempts(work, delivery, AttemptState.ABSENT, "")
    return True


@step()
async def give_back(work: Unit, claimed: Claimed, *, by: Viewer) -> None:
    """There was no time for it: another tick takes it at once."""
    delivery = await still_ours(work, Delivery, claimed.id, claimed.token)
    if delivery is not None:
        await work.touch(delivery, lease_token=None, lease_until=None)


@dataclass(frozen=True, slots=True)
class Told:
    """Who has to hear of it: whoever reads Sentry, the first time, and a human, once it goes on and on."""

    sentry: bool = False
    human: bool = False
    failures: int = 0


@step()
async def unsure(work: Unit, claimed: Claimed, reason: str, *, by: Viewer) -> Told:
    """No answer, so neither yes nor no: what was being sent is UNKNOWN. It is asked about later and later; after
    `delivery_failures_max` times a human is called, once. Locks the payout, then its delivery."""
    payout, delivery = await _ours(work, claimed)
    if payout is None or delivery is None:
        return Told()
    await _close_attempts(work, delivery, AttemptState.UNKNOWN, reason)
    failures, limits = delivery.failures + 1, settings()
    delivery.failures, delivery.last_error = failures, reason[:ERROR_MAX]
    delivery.next_check_at = back_off(failures, limits.delivery_back_off_seconds, limits.delivery_back_off_max_seconds)
    release(delivery)
    if delivery.status is DeliveryStatus.SENDING:
        await work.move_child(delivery, "lose_delivery", payout, reason=reason[:ERROR_MAX])
    else:
        await _keep(work, delivery)
    human = failures >= limits.delivery_failures_max and not payout.needs_attention
    if human:
        payout.needs_attention = True
        await work.record(payout, "call_for_attention", failures=failures, error=reason[:ERROR_MAX])
    return Told(failures == 1, human, failures)


# operators


@operation(answers=PayoutRecord, refuses=(NotFound, NotAllowed, IllegalMove, DeliveryNotOpen, VersionConflict))
async def recheck_delivery(work: Unit, key: int | str, *, by: Viewer, request: Request | None = None) -> Payout:
    """Have a worker look at a delivery now, whatever its back-off. Locks the payout, then its delivery."""
    payout = await locked_payout(work, key, by)
    PAYOUTS.may(payout, "recheck_delivery", by)
    delivery = await locked_delivery(work, payout)
    delivery.next_check_at, delivery.failures = now(), 0
    await _keep(work, delivery)
    payout.needs_attention = False
    return await work.record(payout, "recheck_delivery")


@operation(
    answers=PayoutRecord,
    refuses=(NotFound, NotAllowed, IllegalMove, DeliveryNotOpen, InvalidInput, VersionConflict),
)
async def resolve_delivery(
    work: Unit, key: int | str, *, arrived: bool, word: str, by: Viewer, request: Request | None = None
) -> Payout:
    """An operator has heard, elsewhere, what became of a delivery that nobody here knows of: it arrived, or it never will.

    `word` is the outside system's reference, or why it did not. Locks the payout, its delivery, then its plan or accounts. Posts
    `delivered`, or reverts. What a worker hears meanwhile comes too late.
    """
    payout = await locked_payout(work, key, by)
    PAYOUTS.may(payout, "resolve_delivery", by)
    if problems := text("word", word, 128):
        raise InvalidInput(*problems)
    delivery = await locked_delivery(work, payout)
    await _close_attempts(work, delivery, AttemptState.UNKNOWN, "an operator had another word")
    if arrived:
        await _arrived(work, payout, delivery, word)
    else:
        await _came_back(work, payout, delivery, word)
    return payout


# inside; the money moves last, for others wait for the shop's accounts until the unit ends


async def _arrived(work: Unit, payout: Payout, delivery: Delivery, reference: str) -> None:
    delivery.reference = reference[:128]
    _done_with(payout, delivery)
    await work.move_child(delivery, "deliver", payout, reference=delivery.reference)
    await work.post(payout, postings.delivered(payout))


async def _came_back(work: Unit, payout: Payout, delivery: Delivery, code: str) -> None:
    delivery.last_error = code[:ERROR_MAX]
    _done_with(payout, delivery)
    await work.move_child(delivery, "refuse_delivery", payout, reason=code[:ERROR_MAX])
    payout.failure = code[:ERROR_MAX]
    await moved(work, payout, "fail", reason=payout.failure)
    await revert(work, payout)


def _done_with(payout: Payout, delivery: Delivery) -> None:
    release(delivery)
    delivery.next_check_at = None
    delivery.failures, payout.needs_attention = 0, False


async def _ours(work: Unit, claimed: Claimed) -> tuple[Payout | None, Delivery | None]:
    """The payout and its delivery, locked in that order, while the claim holds and neither has come to its end."""
    payout = await work.lock(Payout, sql("r.id = {}", claimed.payout), visible_to=TRUE)
    delivery = await still_ours(work, Delivery, claimed.id, claimed.token)
    over = delivery is None or delivery.status not in OPEN | {DeliveryStatus.SENDING}
    return (None, None) if over else (payout, delivery)


async def _close_attempts(work: Unit, delivery: Delivery, state: AttemptState, detail: str) -> None:
    """What is still open of a locked delivery's attempts has ended so."""
    at = await work.moment()
    for attempt in await DeliveryAttempt.filter(delivery_id=delivery.id, state=AttemptState.SENT):
        attempt.state, attempt.detail, attempt.finished_at = state, detail[:ERROR_MAX], at
        await work.amend(attempt)


async def _keep(work: Unit, delivery: Delivery) -> None:
    """Bookkeeping of a locked delivery."""
    names = ("failures", "last_error", "next_check_at", "lease_token", "lease_until")
    await work.touch(delivery, **{name: getattr(delivery, name) for name in names})
