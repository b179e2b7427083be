"""Billing as one of the systems that are played."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar
from uuid import uuid4

from pydantic import Field, ValidationError, model_validator
from starlette.routing import Route

from sandbox.billing.adjusting import PENDING, Adjustment, Ordered
from sandbox.billing.books import Books, Change, NewPayment, NewTerminal, Payment
from sandbox.door import Answer, Asked, door
from sandbox.given import Given, Nothing, Wrong, get, post
from sandbox.saying import error, known_by, no, nonsense, stranger
from sandbox.world import System, World

KNOWN_BY = "billing_token"
HAS_API = MappingProxyType({"DISPUTE_FLOW_PROVIDERS_API_EXIST": "true"})
AT_FIRST: Mapping[int, tuple[str, Mapping[str, str]]] = MappingProxyType(
    {1: ("quickpay", HAS_API), 2: ("moodypay", HAS_API), 3: ("nodoorpay", MappingProxyType({}))}
)
"""By terminal: whose adapter it is, and its options."""
EVENTS_MAX = 100


class Adjusting(Given):
    hold: bool


class Settle(Given):
    ids: tuple[str, ...] = ()
    everything: bool = Field(default=False, alias="all")

    @model_validator(mode="after")
    def _is_some_or_all(self) -> Settle:
        if bool(self.ids) == self.everything:
            raise ValueError("give ids, or all: true")
        return self


class Page(Given):
    after: int = Field(default=0, ge=0)
    limit: int = Field(default=EVENTS_MAX, ge=1)


class Billing(System):
    name: ClassVar[str] = "billing"
    operations: ClassVar[frozenset[str]] = frozenset({"payment", "events", "terminal", "adjustments", "adjust"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.books = Books()
        self.token = known_by(KNOWN_BY)

    def routes(self) -> list[Route]:
        of_payment = "/billing/invoices/{invoiceId}/payments/{paymentId}"
        return [
            Route(of_payment, door(self, "payment", self._known(self._payment)), methods=["GET"]),
            Route(
                "/billing/invoices/{invoiceId}/events", door(self, "events", self._known(self._events)), methods=["GET"]
            ),
            Route("/billing/terminals/{id:int}", door(self, "terminal", self._known(self._terminal)), methods=["GET"]),
            Route(f"{of_payment}/adjustments", door(self, "adjustments", self._known(self._list)), methods=["GET"]),
            Route(f"{of_payment}/adjustments", door(self, "adjust", self._known(self._adjust)), methods=["POST"]),
        ]

    def control(self) -> list[Route]:
        return [
            post("billing/payments", NewPayment, self._put),
            get("billing/payments", Nothing, self._payments),
            post("billing/status", Change, self._change),
            post("billing/terminals", NewTerminal, self._put_terminal),
            post("billing/adjusting", Adjusting, self._adjusting),
            get("billing/adjustments", Nothing, self._adjustments),
            post("billing/settle", Settle, self._settle),
        ]

    def refusal(self, operation: str) -> tuple[int, Any]:
        if operation == "adjust":
            return 422, error("invalid_payment_status", "refused by the sandbox's script")
        return 404, error("terminal_not_found" if operation == "terminal" else "payment_not_found", "by a script")

    def reset(self) -> None:
        self.books = Books()

    def _known(self, handler: Callable[[Asked], Answer]) -> Callable[[Asked], Answer]:
        return lambda asked: stranger(asked, self.token) or handler(asked)

    # what it is asked

    def _payment(self, asked: Asked) -> Answer:
        found = self._found(asked)
        return found if isinstance(found, Answer) else Answer(self._told(found))

    def _told(self, payment: Payment) -> dict[str, Any]:
        given = payment.given
        invoice = {
            "id": given.invoice_id,
            "partyId": given.party_id,
            "shopId": given.shop_id,
            "shopName": given.shop_name,
        }
        return {"invoice": invoice, "payment": payment.shown(self._provider(given.terminal_id or 1))}

    def _provider(self, terminal: int) -> int:
        """The first one where nobody knows the terminal."""
        if found := self.books.terminals.get(terminal):
            return found.provider_id
        return terminal if terminal in AT_FIRST else 1

    def _found(self, asked: Asked) -> Payment | Answer:
        payments = self.books.payments(asked.fields["invoiceId"])
        if found := payments.get(asked.fields["paymentId"]):
            return found
        return no(404, "payment_not_found" if payments else "invoice_not_found", "there is none")

    def _events(self, asked: Asked) -> Answer:
        """A score for each that the payments of the invoice were given, and others in between."""
        try:
            page = Page.model_validate(dict(asked.request.query_params))
        except ValidationError as wrong:
            return nonsense(wrong)
        events: list[dict[str, Any]] = []
        for id, payment in self.books.payments(asked.fields["invoiceId"]).items():
            events.append({"type": "payment_started", "paymentId": id})
            events += [{"type": "risk_score", "paymentId": id, "riskScore": one} for one in payment.given.risk_scores]
        numbered = [{"id": number, **event} for number, event in enumerate(events, start=1)]
        return Answer({"events": numbered[page.after : page.after + min(page.limit, EVENTS_MAX)]})

    def _terminal(self, asked: Asked) -> Answer:
        id = asked.fields["id"]
        if found := self.books.terminals.get(id):
            return Answer(found.model_dump(by_alias=True))
        if id not in AT_FIRST:
            return no(404, "terminal_not_found", "there is none")
        adapter, options = AT_FIRST[id]
        url = f"{str(asked.request.base_url).rstrip('/')}/{adapter}"
        return Answer(NewTerminal(id=id, provider_id=id, url=url, options=dict(options)).model_dump(by_alias=True))

    def _list(self, asked: Asked) -> Answer:
        found = self._found(asked)
        if isinstance(found, Answer):
            return found
        return Answer({"adjustments": [one.shown() for one in self.books.adjustments.of(found.key)]})

    def _adjust(self, asked: Asked) -> Answer:
        payment, key = self._found(asked), asked.request.headers.get("idempotency-key", "")
        if isinstance(payment, Answer):
            return payment
        if not key:
            return no(400, "invalid_request", "an Idempotency-Key is needed")
        try:
            order = Ordered.model_validate_json(asked.body)
        except ValidationError as wrong:
            return nonsense(wrong)
        if known := self.books.adjustments.by_key.get(key):
            known.asked += 1
            same = known.same(payment.key, order)
            return Answer(known.shown()) if same else no(409, "conflict", "another one has this key")
        return self._ordered(payment, key, order)

    def _ordered(self, payment: Payment, key: str, order: Ordered) -> Answer:
        """For the first time; what is refused is not kept."""
        adjustments = self.books.adjustments
        if any(one.status == PENDING for one in adjustments.of(payment.key)):
            return no(422, "adjustment_pending", "another one of the payment is worked on")
        if code := order.refused(payment.status):
            return no(422, code, f"the payment is {payment.status}")
        made = Adjustment(f"adj-{uuid4().hex}", key, payment.key, order)
        adjustments.add(made)
        if not adjustments.hold:
            self.books.take_effect(made)
        return Answer(made.shown(), 201, effect=True)

    # what it is told

    async def _put(self, given: NewPayment) -> dict[str, Any]:
        payment = Payment.of(given)
        self.books.put(payment)
        return self._told(payment)

    async def _payments(self, _given: Nothing) -> dict[str, Any]:
        invoices = self.books.invoices.values()
        return {"payments": [self._told(payment) for payments in invoices for payment in payments.values()]}

    async def _change(self, given: Change) -> dict[str, Any]:
        payment = self.books.payments(given.invoice_id).get(given.payment_id)
        if payment is None:
            raise Wrong("paymentId", "there is no such payment")
        payment.status = given.status
        payment.changed = payment.changed if given.changed_amount is None else given.changed_amount
        payment.captured = payment.captured if given.captured_amount is None else given.captured_amount
        return self._told(payment)

    async def _put_terminal(self, given: NewTerminal) -> dict[str, Any]:
        self.books.terminals[given.id] = given
        return given.model_dump(by_alias=True)

    async def _adjusting(self, given: Adjusting) -> dict[str, Any]:
        self.books.adjustments.hold = given.hold
        return {"hold": given.hold}

    async def _adjustments(self, _given: Nothing) -> dict[str, Any]:
        return {"adjustments": [one.told() for one in self.books.adjustments.by_key.values()]}

    async def _settle(self, given: Settle) -> dict[str, Any]:
        waiting = self.books.adjustments.pending()
        if unknown := [id for id in given.ids if id not in waiting]:
            raise Wrong("ids", f"none that is pending has the id {unknown[0]}")
        settled = list(dict.fromkeys(given.ids)) or list(waiting)
        for id in settled:
            self.books.take_effect(waiting[id])
        return {"settled": settled}
