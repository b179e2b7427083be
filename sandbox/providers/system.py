"""The adapters of two providers: one that is quick, and one that is slow and moody; and one that has no doors at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar
from uuid import uuid4

from pydantic import ValidationError
from starlette.routing import Route

from sandbox.door import Answer, Asked, door
from sandbox.given import Given, Nothing, Wrong, get, post
from sandbox.providers.books import (
    EXPLAINED,
    Books,
    Checked,
    Decide,
    Dispute,
    Looked,
    Mood,
    Moods,
    Opened,
    Say,
)
from sandbox.providers.telling import Tell, told
from sandbox.saying import error, known_by, no, nonsense, stranger
from sandbox.world import System, World

KNOWN_BY = "providers_token"
CHANGED = 8
"""Tenths of the amount that a magic value brings."""


class Provider(System):
    operations: ClassVar[frozenset[str]] = frozenset({"open", "check_dispute", "check_payment"})
    mood: ClassVar[Mood]

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.books = Books(self.mood)
        self.token = known_by(KNOWN_BY)

    def routes(self) -> list[Route]:
        disputes, payments = f"/{self.name}/disputes", f"/{self.name}/provider-payments"
        return [
            Route(disputes, door(self, "open", self._read(Opened, self._open)), methods=["POST"]),
            Route(
                f"{disputes}/status", door(self, "check_dispute", self._read(Checked, self._check)), methods=["POST"]
            ),
            Route(payments, door(self, "check_payment", self._read(Looked, self._payment)), methods=["POST"]),
        ]

    def control(self) -> list[Route]:
        return [
            post(f"{self.name}/moods", Moods, self._moods),
            post(f"{self.name}/disputes", Decide, self._decide),
            get(f"{self.name}/disputes", Nothing, self._list),
            post(f"{self.name}/payments", Say, self._say),
            post(f"{self.name}/tell", Tell, told),
        ]

    def refusal(self, operation: str) -> tuple[int, Any]:
        if operation == "check_payment":
            return 200, {"success": False}
        return 200, {"result": "fail", "code": "refused_by_script", "providerDisputeId": "any"}

    def latency(self) -> float:
        return self.books.mood.latency_seconds

    def reset(self) -> None:
        self.books = Books(self.mood)

    def _read(self, model: type[Given], handler: Callable[[Any], Answer]) -> Callable[[Asked], Answer]:
        def read(asked: Asked) -> Answer:
            if known := stranger(asked, self.token):
                return known
            try:
                given = model.model_validate_json(asked.body)
            except ValidationError as wrong:
                return nonsense(wrong)
            return handler(given)

        return read

    # what it is asked

    def _open(self, order: Opened) -> Answer:
        trx = order.transaction.provider_trx_id
        if known := self.books.disputes.get(order.dispute_id):
            known.asked += 1
            return _success(known)
        if answer := self._not_opened(order, trx):
            return answer
        opened = Dispute(order, f"{self.name}-{uuid4().hex}")
        self.books.open(opened)
        return replace(_success(opened), effect=True)

    def _not_opened(self, order: Opened, trx: str) -> Answer | None:
        """By the magic values, and by its mood."""
        if "unexpected" in trx:
            return Answer(error("unexpected", EXPLAINED), 500)
        if "declined" in trx:
            return Answer({"result": "fail", "code": "no_transfer", "reason": "no such transfer came in"})
        if "unplaced" in trx:
            return Answer({"result": "fail", "code": "disputes_unknown_mapping", "reason": "Answer 17: ask by phone"})
        if "exists" in trx:
            return Answer({"result": "already_exists"})
        times = self.books.later.get(order.dispute_id, 0)
        if "later" in trx or times < self.books.mood.retry_later_times:
            self.books.later[order.dispute_id] = times + 1
            return Answer({"result": "retry_later"})
        return None

    def _check(self, asked: Checked) -> Answer:
        dispute = self.books.known.get(asked.provider_dispute_id)
        if dispute is None:
            return no(404, "dispute_not_found", "there is none")
        dispute.checked += 1
        if not dispute.decided:
            self._by_itself(dispute)
        told: dict[str, Any] = {"result": dispute.outcome, "providerDisputeId": dispute.id}
        if dispute.outcome == "fail":
            return Answer({**told, "code": dispute.code, **({"reason": dispute.reason} if dispute.reason else {})})
        if dispute.outcome == "success":
            told |= {"message": dispute.message} if dispute.message else {}
            told |= _changed(dispute.changed, dispute.order.currency)
        return Answer(told)

    def _by_itself(self, dispute: Dispute) -> None:
        trx = dispute.order.transaction.provider_trx_id
        if "undecided" in trx or dispute.checked <= self.books.mood.pending_times:
            return
        if "refused" in trx:
            dispute.outcome, dispute.code, dispute.reason = "fail", "payment_not_found", "no such payment came in"
            return
        dispute.outcome, dispute.message = "success", "the money came in"
        if "changed" in trx:
            dispute.changed = dispute.order.amount * CHANGED // 10

    def _payment(self, asked: Looked) -> Answer:
        trx = asked.transaction.provider_trx_id
        if trx in self.books.said:
            success, amount = self.books.said[trx]
            return Answer({"success": success, **_changed(amount, asked.currency)})
        if "paid" in trx:
            return Answer({"success": True})
        upheld = next(
            (one for one in self.books.of(trx) if one.outcome == "success" and "contradicts" not in trx), None
        )
        if upheld is None:
            return Answer({"success": False})
        return Answer({"success": True, **_changed(upheld.changed, asked.currency)})

    # what it is told

    async def _moods(self, given: Moods) -> dict[str, Any]:
        self.books.mood = replace(self.books.mood, **given.model_dump(exclude_none=True))
        mood = self.books.mood
        return Moods(
            latency_seconds=mood.latency_seconds,
            retry_later_times=mood.retry_later_times,
            pending_times=mood.pending_times,
        ).model_dump(by_alias=True)

    async def _decide(self, given: Decide) -> dict[str, Any]:
        dispute = self.books.disputes.get(given.dispute_id) or self.books.known.get(given.provider_dispute_id)
        if dispute is None:
            raise Wrong("disputeId", "there is no such dispute")
        dispute.outcome, dispute.decided = given.outcome, True
        dispute.changed, dispute.code = given.changed_amount, given.code
        dispute.reason, dispute.message = given.reason, given.message
        if given.payment is not None:
            self.books.said[dispute.order.transaction.provider_trx_id] = (given.payment, given.changed_amount)
        return dispute.shown()

    async def _list(self, _given: Nothing) -> dict[str, Any]:
        return {"disputes": [one.shown() for one in self.books.disputes.values()]}

    async def _say(self, given: Say) -> dict[str, Any]:
        self.books.said[given.provider_trx_id] = (given.success, given.changed_amount)
        return given.model_dump(by_alias=True)


def _success(dispute: Dispute) -> Answer:
    return Answer({"result": "success", "disputeId": dispute.order.dispute_id, "providerDisputeId": dispute.id})


def _changed(amount: int | None, currency: str) -> dict[str, Any]:
    return {} if amount is None else {"changedAmount": amount, "currency": currency}


class Quickpay(Provider):
    name: ClassVar[str] = "quickpay"
    mood: ClassVar[Mood] = Mood()


class Moodypay(Provider):
    """Slow; it wants each new dispute to come again once, and looks at it three times before it decides."""

    name: ClassVar[str] = "moodypay"
    mood: ClassVar[Mood] = Mood(latency_seconds=0.3, retry_later_times=1, pending_times=2)
