"""What the clients of a wallet system and of a bank have in common: an order is posted under its key, and found by it.

`Refused` gives money back, so it takes a clear word: a 422 with a code for what was posted, or the order itself,
answered as refused with a code. Whatever else comes, the money may have gone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import SecretStr

from gateways.answers import Answer
from gateways.orders import Order, Payer, Receipt
from gateways.outside import Outside
from gateways.receipts import Refused, Unsure
from models.kernel.money import Money
from models.kernel.refusals import Refusal

NOT_FOUND = "not_found"
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_REFERENCE = re.compile(r"[!-~]{1,128}")
_AMOUNT = re.compile(r"[0-9]{1,16}(\.[0-9]{1,8})?")


@dataclass(frozen=True, slots=True)
class Words:
    """How one system says what all of them mean."""

    system: str
    sending: str
    """The operation's name in metrics and logs."""
    folder: str
    kinds: frozenset[str]
    """Of payout tools that it can send to."""
    done: str
    waiting: str
    refused: str
    why: str
    """Where the code of a refusal stands."""


def connected(system: str, url: str, token: SecretStr, *, timeout_seconds: float | None = None) -> Outside:
    """The client of a system that knows us by a bearer token; whoever opens it closes it."""
    bearer = token.get_secret_value()
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else None
    return Outside(system, url, headers=headers, timeout_seconds=timeout_seconds)


class HttpPayer(Payer):
    words: ClassVar[Words]

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def _worded(self, order: Order) -> dict[str, Any]:
        """The order as the system is told it."""
        raise NotImplementedError

    async def send(self, order: Order) -> Receipt:
        """Asked once: whoever got no answer asks first what became of it."""
        words = self.words
        return await self._outside.call(
            words.sending,
            "POST",
            words.folder,
            json=self._told(order),
            read=partial(self._sent, order=order),
            key=order.key,
            also=(409, 422),
        )

    async def find(self, order_key: str) -> Receipt | None:
        path = f"{self.words.folder}/{quote(order_key, safe='')}"
        return await self._outside.call(
            "find", "GET", path, read=partial(self._found, key=order_key), safe=True, also=(404,)
        )

    def _told(self, order: Order) -> dict[str, Any]:
        """An order that makes no sense to the system is not sent, and waits for a human: the mistake is ours."""
        words = self.words
        if order.kind not in words.kinds:
            raise Unsure(words.system, words.sending, f"it sends nothing to a tool of the kind {order.kind}")
        try:
            return self._worded(order)
        except (LookupError, Refusal) as wrong:
            reason = f"the order is not whole: {type(wrong).__name__}"
        raise Unsure(words.system, words.sending, reason)

    def _sent(self, answer: Answer, order: Order) -> Receipt:
        if answer.status == 409:
            raise answer.unsure("conflict")
        if answer.status == 422 and answer.error:
            raise Refused(answer.system, answer.operation, answer.error)
        if answer.status not in {200, 201}:
            raise answer.unsure(f"status {answer.status}")
        return self._outcome(answer, order.key, order.amount)

    def _found(self, answer: Answer, key: str) -> Receipt | None:
        """A 404 of somebody on the way is no word of the system's."""
        if answer.status == 404 and answer.error == NOT_FOUND:
            return None
        if answer.status != 200:
            raise answer.unsure(f"status {answer.status}")
        return self._outcome(answer, key, None)

    def _outcome(self, answer: Answer, key: str, amount: Money | None) -> Receipt:
        """Of the order that was asked for, and of no other."""
        words, said = self.words, _amount(answer)
        if answer.text("id") != key:
            raise answer.malformed("id")
        if amount not in (None, said):
            raise answer.malformed("amount")
        match answer.text("status"):
            case words.done:
                return Receipt(_matching(_REFERENCE, answer, "reference"), said)
            case words.refused:
                raise Refused(answer.system, answer.operation, _matching(_CODE, answer.part(words.why), "code"))
            case words.waiting:
                raise answer.unsure("pending")
        raise answer.malformed("status")


def amount_of(order: Order) -> dict[str, str]:
    """In major units, with all the decimals of the currency."""
    return {"amount": f"{order.amount.amount:f}", "currency": order.amount.currency}


def _amount(answer: Answer) -> Money:
    text = _matching(_AMOUNT, answer, "amount")
    try:
        return Money.of(Decimal(text), answer.text("currency"))
    except Refusal:
        raise answer.malformed("amount") from None


def _matching(form: re.Pattern[str], answer: Answer, name: str) -> str:
    if not form.fullmatch(found := answer.text(name)):
        raise answer.malformed(name)
    return found
