"""The units of the jobs that carry a dispute: claim, and what came of it. [spec/disputes §2.3, §3.2, §3.3, §3.8]

Billing and the provider are asked between two units. Whoever comes too late, because his lease is over or because the dispute has
moved on, writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from models.disputes import postings
from models.disputes.lifecycle import DisputeStatus, Mode, Polling
from models.disputes.operations.locking import (
    Claimed,
    Held,
    end_adjustment,
    moved,
    start_adjustment,
    still_held,
    touched,
)
from models.disputes.tables import EXTERNAL_MAX, TEXT_MAX, Dispute
from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.sql import sql
from models.kernel.viewer import Viewer
from models.unit import Unit, step
from models.work.claims import DUE, back_off, claim, put_back, still_ours
from settings import settings

APPROVED, SERVER_ERROR = "approved", "server_error"
NO_ATTACHMENTS, INVOICE_GONE, PAYMENT_GONE = "no attachments", "invoice not found", "payment not found"
RESTRICTED, UNEXPECTED = "payment status restrictions", "provider result unexpected"
TOLD_OTHERWISE = "billing was told another amount of the payment already"
CONTRADICTED = "the provider declines the dispute, and has confirmed the payment"
BY_SUPPORT = "dispute via the support desk"
ORDER = "r.next_check_at, r.id"


@step()
async def claim_due(work: Unit, status: DisputeStatus, *, limit: int, lease_seconds: int, by: Viewer) -> list[Claimed]:
    """Take disputes of one status that are due, the longest due first."""
    due = sql(f"r.status = {{}} AND {DUE}", status.value)
    rows = await claim(work, Dispute, due, limit=limit, lease_seconds=lease_seconds, order=ORDER)
    return sorted((Claimed.of(row) for row in rows), key=lambda one: (one.due_at, one.id))


@step()
async def later(work: Unit, looked_at: Sequence[tuple[Claimed, datetime]], *, by: Viewer) -> int:
    """Nothing is new of these: each is looked at again at its moment, and is no event. Answers how many claims still held."""
    return await put_back(work, Dispute, [(one.id, one.token, at) for one, at in looked_at])


@dataclass(frozen=True, slots=True)
class Found:
    """What billing said beside, as far as it was asked: written down with the next move."""

    payer_email: str | None = field(default=None, repr=False)
    risk_score: str | None = None

    def onto(self, dispute: Dispute) -> None:
        dispute.payer_email = self.payer_email[:EXTERNAL_MAX] if self.payer_email else dispute.payer_email
        dispute.risk_score = self.risk_score[:64] if self.risk_score else dispute.risk_score


NOTHING = Found()


@step()
async def accepted(
    work: Unit, claimed: Claimed, provider_dispute: str, next_check: datetime, found: Found, *, by: Viewer
) -> bool:
    """The provider has a dispute of its own now, and is asked about it."""
    dispute = await still_ours(work, Dispute, claimed.id, claimed.token)
    if dispute is None:
        return False
    found.onto(dispute)
    dispute.provider_dispute_id, dispute.mode = provider_dispute[:EXTERNAL_MAX], Mode.AUTOMATIC
    await moved(work, dispute, "accept", next_check=next_check)
    return True


@step()
async def handed_over(work: Unit, claimed: Claimed, provider_dispute: str, found: Found, *, by: Viewer) -> bool:
    """The support desk has it: a human goes on."""
    dispute = await still_ours(work, Dispute, claimed.id, claimed.token)
    if dispute is None:
        return False
    found.onto(dispute)
    dispute.provider_dispute_id = provider_dispute[:EXTERNAL_MAX]
    await _to_human(work, dispute, claimed.next_check(), technical=BY_SUPPORT, message=None)
    return True


@step()
async def exists(work: Unit, claimed: Claimed, found: Found, *, by: Viewer) -> bool:
    """The provider has one about this payment and does not say which: a human binds it."""
    dispute = await still_ours(work, Dispute, claimed.id, claimed.token)
    if dispute is None:
        return False
    found.onto(dispute)
    dispute.mode = Mode.MANUAL
    await moved(work, dispute, "find_existing", next_check=claimed.next_check())
    return True


@step()
async def escalated(
    work: Unit,
    claimed: Claimed,
    found: Found = NOTHING,
    *,
    technical: str | None,
    message: str | None = None,
    by: Viewer,
) -> bool:
    """A machine cannot tell: a human does. Its public reason stays, and what the provider said where it says nothing now."""
    dispute = await still_ours(work, Dispute, claimed.id, claimed.token)
    if dispute is not None:
        found.onto(dispute)
        await _to_human(work, dispute, claimed.next_check(), technical=technical, message=message)
    return dispute is not None


async def _to_human(
    work: Unit, dispute: Dispute, next_check: datetime, *, technical: str | None, message: str | None
) -> None:
    dispute.mode = Mode.MANUAL
    dispute.technical_error, words = _cut(technical), _cut(message)
    dispute.provider_message = words or dispute.provider_message
    await moved(work, dispute, "escalate", next_check=next_check, reason=dispute.technical_error or words)


@step()
async def expired(work: Unit, claimed: Claimed, *, by: Viewer) -> bool:
    """The deadline has passed and the provider has not decided: a human does, or lets it be asked again."""
    dispute = await still_ours(work, Dispute, claimed.id, claimed.token)
    if dispute is not None:
        dispute.mode = Mode.MANUAL
        await moved(work, dispute, "expire", next_check=claimed.next_check())
    return dispute is not None


@step()
async def stepped_back(work: Unit, claimed: Claimed, *, by: Viewer) -> bool:
    """It says to be at the provider, and nobody knows under which id: it is created there once more, under our own."""
    dispute = await still_ours(work, Dispute, claimed.id, claimed.token)
    if dispute is not None:
        dispute.mode = Mode.AUTOMATIC
        await moved(work, dispute, "step_back", next_check=claimed.next_check())
    return dispute is not None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The provider says that the payment succeeded. `changed`: the amount by its check of the payment, which billing is told;
    `shown`: by its word about the dispute, which the merchant is."""

    changed: Money | None = None
    shown: Money | None = None
    message: str | None = None


@step()
async def confirmed(work: Unit, claimed: Claimed, word: Confirmed, found: Found = NOTHING, *, by: Viewer) -> bool:
    """Billing is to put the payment right; where it was told another amount already, a human decides. Locks the payment, its
    adjustment, the dispute."""
    held = await still_held(work, claimed)
    if held is None:
        return False
    found.onto(held.dispute)
    if told_otherwise(held, word):
        await _to_human(work, held.dispute, claimed.next_check(), technical=TOLD_OTHERWISE, message=word.message)
    else:
        await confirm_held(work, held, "confirm", word)
    return True


def told_otherwise(held: Held[Dispute], word: Confirmed) -> bool:
    """Whether a job that is at work has told billing of another amount than the one that is confirmed now."""
    job = held.at_work
    return job is not None and job.sent and job.changed != postings.changed(held.dispute.cost, word.changed)


async def confirm_held(work: Unit, held: Held[Dispute], move: str, word: Confirmed) -> Dispute:
    """A locked dispute, confirmed: its adjustment begins. What differs is measured against what the payment was for, for that is
    what billing has. [spec/disputes §3.5]"""
    dispute = held.dispute
    changed = postings.changed(dispute.cost, word.changed)
    await start_adjustment(work, held, dispute.invoice_id, dispute.payment_id, dispute.cost, changed)
    _approve(dispute, postings.changed(dispute.amount, word.shown), word.message)
    at = now()
    look = Polling.kept(dispute.polling).next_check(since=dispute.created_at, last=at, now=at)
    return await moved(work, dispute, move, next_check=look)


def _approve(dispute: Dispute, changed: Money | None, message: str | None) -> None:
    dispute.public_reason, dispute.technical_error = APPROVED, None
    dispute.provider_message = _cut(message) or dispute.provider_message
    if changed is not None:
        dispute.changed_minor = changed.minor


@step()
async def succeeded(work: Unit, claimed: Claimed, changed: Money | None, *, by: Viewer) -> bool:
    """Billing has the payment captured: the dispute ends well, and with it the payment's job. Its amount is billing's word,
    whatever was expected; None: as it was."""
    held = await still_held(work, claimed)
    if held is not None:
        held.dispute.changed_minor = None
        await succeed_held(work, held, "succeed", changed)
    return held is not None


async def succeed_held(
    work: Unit, held: Held[Dispute], move: str, changed: Money | None, message: str | None = None
) -> Dispute:
    """A locked dispute ends well, and the payment's job with it. None keeps the amount that is known."""
    await end_adjustment(work, held, "finish")
    _approve(held.dispute, changed, message)
    return await moved(work, held.dispute, move)


@step()
async def failed(work: Unit, claimed: Claimed, technical: str, *, by: Viewer) -> bool:
    """It cannot go on for a technical reason: only a new dispute can mend that. The payment's job ends with it."""
    held = await still_held(work, claimed)
    if held is not None:
        await fail_held(work, held, technical)
    return held is not None


async def fail_held(work: Unit, held: Held[Dispute], technical: str) -> Dispute:
    await end_adjustment(work, held, "fail", technical)
    dispute = held.dispute
    dispute.public_reason, dispute.technical_error = SERVER_ERROR, _cut(technical)
    dispute.changed_minor, dispute.unrecoverable = None, True
    return await moved(work, dispute, "fail", reason=dispute.technical_error)


@step()
async def declined(
    work: Unit, claimed: Claimed, code: str, reason: str | None, found: Found = NOTHING, *, by: Viewer
) -> bool:
    """The provider says no: the payer did not pay. Where it has confirmed the payment itself, and a job is at work, a human looks
    at the contradiction."""
    held = await still_held(work, claimed)
    if held is None:
        return False
    dispute = held.dispute
    found.onto(dispute)
    if held.at_work is not None:
        await _to_human(work, dispute, claimed.next_check(), technical=f"{CONTRADICTED}: {code}", message=reason)
        return True
    dispute.public_reason, dispute.provider_message = code[:EXTERNAL_MAX], _cut(reason)
    dispute.technical_error = dispute.changed_minor = None
    await moved(work, dispute, "fail", reason=dispute.public_reason)
    return True


@dataclass(frozen=True, slots=True)
class PutOff:
    """Who has to hear of it: whoever reads Sentry, the first time, and a human, once it goes on and on."""

    failures: int = 0
    human: bool = False


@step()
async def put_off(work: Unit, claimed: Claimed, error: str, *, begun: bool, by: Viewer) -> PutOff:
    """It could not be worked on: the error is kept, and it is tried later and later. After `dispute_failures_max` times in a
    row, or behind its deadline, a human gets it: one that no machine works on is shown to need attention, once. `begun`: whether
    it was tried at all this time."""
    dispute = await still_ours(work, Dispute, claimed.id, claimed.token)
    if dispute is None:
        return PutOff()
    failures, limits = claimed.failures + 1, settings()
    human = failures >= limits.dispute_failures_max or (claimed.overdue and claimed.status is DisputeStatus.CREATED)
    if human and claimed.status in (DisputeStatus.CREATED, DisputeStatus.PENDING):
        await _to_human(work, dispute, claimed.next_check(), technical=error, message=None)
        return PutOff(failures, human=True)
    called = failures >= limits.dispute_failures_max and not dispute.needs_attention
    if called:
        dispute.needs_attention = True
        await work.record(dispute, "call_for_attention", failures=failures)
    later_on = back_off(failures, limits.dispute_back_off_seconds, limits.dispute_back_off_max_seconds)
    await work.touch(
        dispute, failures=failures, last_error=error[:TEXT_MAX], next_check_at=later_on,
        lease_token=None, lease_until=None, attempts=0 if begun else dispute.attempts,
    )  # fmt: skip
    return PutOff(failures, human=called)


@step()
async def called_for(work: Unit, claimed: Claimed, *, by: Viewer) -> bool:
    """It waits for a human longer than it should: one is called, once. False: the claim is over, or one was."""
    dispute = await still_ours(work, Dispute, claimed.id, claimed.token)
    if dispute is None:
        return False
    call = not dispute.needs_attention
    if call:
        dispute.needs_attention = True
        await work.record(dispute, "call_for_attention", since=claimed.status_since)
    await touched(work, dispute, claimed.next_check())
    return call


def _cut(words: str | None) -> str | None:
    """As much as is kept, of what PostgreSQL would take."""
    return words.replace("\x00", "\ufffd")[:TEXT_MAX] or None if words else None
