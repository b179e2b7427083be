"""Billing: invoices and their payments, the terminals that took them, and adjustments that put a payment right.

It is asked as JSON over HTTP, with amounts in minor units; docs/outside.md says how. A definite no is a 404 or a 422 with a code
that we know; whatever else is not as it should be leaves it open.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any
from urllib.parse import quote

from gateways.answers import Answer
from gateways.disputing import (
    ADJUSTMENT_PENDING,
    INVALID_STATUS,
    INVALID_TARGET_STATUS,
    INVOICE_NOT_FOUND,
    PAYMENT_NOT_FOUND,
    TERMINAL_NOT_FOUND,
    AdjustmentKind,
    AdjustmentOrder,
    BilledAdjustment,
    BilledPayment,
    Billing,
    Terminal,
)
from gateways.outside import Outside
from gateways.paying import connected
from gateways.receipts import Refused
from models.kernel.money import EXPONENTS, MINOR_MAX, Money
from settings import settings

SYSTEM = "billing"
GONE = (INVOICE_NOT_FOUND, PAYMENT_NOT_FOUND, TERMINAL_NOT_FOUND)
NOT_MADE = (ADJUSTMENT_PENDING, INVALID_STATUS, INVALID_TARGET_STATUS)
EVENTS_PAGE, EVENT_PAGES_MAX = 100, 50
TERMINALS_MAX = 1_000
OPTIONS_MAX = 1_000
CODE_MAX, NAME_MAX, URL_MAX, ID_MAX = 64, 200, 1_000, 2**31 - 1
_STATUS = re.compile(r"[a-z][a-z0-9_]{0,39}")


def connection() -> Outside:
    """The client of the configured billing; whoever opens it closes it."""
    return connected(SYSTEM, settings().billing_system, settings().billing_token)


class HttpBilling(Billing):
    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._terminals: OrderedDict[int, tuple[float, Terminal]] = OrderedDict()

    async def payment(self, invoice: str, payment: str) -> BilledPayment:
        read = partial(_payment, invoice=invoice, payment=payment)
        return await self._outside.call("payment", "GET", _path(invoice, payment), read=read, safe=True, also=(404,))

    async def risk_score(self, invoice: str, payment: str) -> str | None:
        found, after = None, 0
        for _ in range(EVENT_PAGES_MAX):
            page = await self._outside.call(
                "events",
                "GET",
                f"invoices/{quote(invoice, safe='')}/events",
                params={"after": after, "limit": EVENTS_PAGE},
                read=partial(_scores, payment=payment),
                safe=True,
            )
            count, last, score = page
            found = score or found
            if count < EVENTS_PAGE or last <= after:
                break
            after = last
        return found

    async def terminal(self, id: int) -> Terminal:
        """Forgotten some time after it was read, however often it is asked for: what changed there is known here soon."""
        known = self._terminals.get(id)
        if known is not None and monotonic() - known[0] < settings().dispute_terminals_cache_seconds:
            return known[1]
        found = await self._outside.call(
            "terminal", "GET", f"terminals/{id}", read=partial(_terminal, id=id), safe=True, also=(404,)
        )
        self._terminals[id] = (monotonic(), found)
        self._terminals.move_to_end(id)
        while len(self._terminals) > TERMINALS_MAX:
            self._terminals.popitem(last=False)
        return found

    async def adjustments(self, invoice: str, payment: str) -> list[BilledAdjustment]:
        path = f"{_path(invoice, payment)}/adjustments"
        return await self._outside.call("adjustments", "GET", path, read=_adjustments, safe=True, also=(404,))

    async def adjust(self, order: AdjustmentOrder) -> str:
        """Asked once: whoever got no answer looks among the adjustments first, by the reason."""
        path, read = f"{_path(order.invoice, order.payment)}/adjustments", partial(_made, order=order)
        return await self._outside.call(
            "adjust", "POST", path, json=_worded(order), key=order.key, read=read, also=(404, 422)
        )


def _path(invoice: str, payment: str) -> str:
    return f"invoices/{quote(invoice, safe='')}/payments/{quote(payment, safe='')}"


def _worded(order: AdjustmentOrder) -> dict[str, Any]:
    if order.kind is AdjustmentKind.CAPTURED:
        return {"kind": order.kind.value, "reason": order.reason, "targetReason": order.reason}
    amount = order.amount
    sum_ = {"amount": amount.minor, "currency": amount.currency} if amount else {}
    return {"kind": order.kind.value, "reason": order.reason, **sum_}


# what it answers


def no(answer: Answer, *codes: str) -> None:
    """Raises `Refused` for one of these codes; `Unsure` for a status that says no and not why."""
    if answer.status < 400:
        return
    if answer.error in codes:
        raise Refused(answer.system, answer.operation, answer.error)
    raise answer.unsure(f"status {answer.status}")


def money_of(answer: Answer, name: str, currency: str) -> Money | None:
    """An amount of that currency; None where none is said. Of nothing, or of another currency, it makes no sense."""
    said = answer.value.get(name) if isinstance(answer.value, dict) else None
    if said is None:
        return None
    if said == 0 or answer.text("currency", currency) != currency:
        raise answer.malformed(name)
    return Money(answer.integer(name, most=MINOR_MAX), currency)


def strings_of(answer: Answer, name: str) -> dict[str, str]:
    """A map of texts; empty where it is missing."""
    found = answer.part(name, optional=True).value
    if len(found) > OPTIONS_MAX or not all(isinstance(value, str) for value in found.values()):
        raise answer.malformed(name)
    return dict(found)


def _payment(answer: Answer, *, invoice: str, payment: str) -> BilledPayment:
    no(answer, INVOICE_NOT_FOUND, PAYMENT_NOT_FOUND)
    of, paid = answer.part("invoice"), answer.part("payment")
    if of.text("id") != invoice or paid.text("id") != payment:
        raise answer.malformed("id")
    currency, status = paid.text("currency"), paid.text("status").lower()
    if currency not in EXPONENTS or not _STATUS.fullmatch(status):
        raise answer.malformed("payment")
    route = paid.part("route", optional=True)
    return BilledPayment(
        invoice=invoice,
        payment=payment,
        party=of.name("partyId", CODE_MAX),
        shop=of.name("shopId", CODE_MAX),
        shop_name=of.text("shopName", "")[:NAME_MAX],
        status=status,
        cost=Money(paid.integer("amount", most=MINOR_MAX), currency),
        created_at=_moment(paid, "createdAt"),
        changed_cost=money_of(paid, "changedAmount", currency),
        captured_cost=money_of(paid, "capturedAmount", currency),
        provider=None if route.empty else route.integer("providerId", most=ID_MAX),
        terminal=None if route.empty else route.integer("terminalId", most=ID_MAX),
        provider_trx=paid.text("providerTrxId", "", longest=NAME_MAX) or None,
        trx_info=strings_of(paid, "trxInfo"),
        payer_email=paid.text("payerEmail", "", longest=NAME_MAX) or None,
    )


def _moment(answer: Answer, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(answer.text(name))
    except ValueError:
        raise answer.malformed(name) from None
    if found.tzinfo is None:
        raise answer.malformed(name)
    return found


def _scores(answer: Answer, *, payment: str) -> tuple[int, int, str | None]:
    """How many events there were, the last one's number, and the last score that they tell of the payment."""
    events = answer.parts("events", optional=False)
    told = [
        e.name("riskScore", CODE_MAX)
        for e in events
        if e.text("type") == "risk_score" and e.text("paymentId") == payment
    ]
    return len(events), events[-1].integer("id") if events else 0, told[-1] if told else None


def _terminal(answer: Answer, *, id: int) -> Terminal:
    no(answer, TERMINAL_NOT_FOUND)
    if answer.integer("id") != id:
        raise answer.malformed("id")
    options: Mapping[str, str] = {
        **strings_of(answer, "providerOptions"),
        **strings_of(answer, "proxyOptions"),
        **strings_of(answer, "options"),
    }
    return Terminal(id, answer.integer("providerId", most=ID_MAX), answer.name("url", URL_MAX), options)


def _adjustments(answer: Answer) -> list[BilledAdjustment]:
    """Those of the kinds that we make: others are no matter of ours. A list that is missing is no empty one: what was made
    already would be made again."""
    no(answer, INVOICE_NOT_FOUND, PAYMENT_NOT_FOUND)
    return [
        BilledAdjustment(
            one.name("id", CODE_MAX),
            AdjustmentKind(one.text("kind")),
            one.text("reason"),
            one.text("targetReason", ""),
            _amount(one),
            one.text("status") == "pending",
        )
        for one in answer.parts("adjustments", optional=False)
        if one.text("kind") in tuple(AdjustmentKind)
    ]


def _amount(answer: Answer) -> Money | None:
    """Of an adjustment of the cash flow, which is of nothing else: without it nobody could tell what billing was told before."""
    if answer.text("kind") != AdjustmentKind.CASH_FLOW:
        return None
    currency = answer.text("currency")
    if currency not in EXPONENTS:
        raise answer.malformed("currency")
    found = money_of(answer, "amount", currency)
    if found is None:
        raise answer.malformed("amount")
    return found


def _made(answer: Answer, *, order: AdjustmentOrder) -> str:
    """The one that was asked for, and no other."""
    no(answer, INVOICE_NOT_FOUND, PAYMENT_NOT_FOUND, *NOT_MADE)
    if (answer.text("kind"), answer.text("reason")) != (order.kind, order.reason):
        raise answer.malformed("adjustment")
    return answer.name("id", CODE_MAX)
