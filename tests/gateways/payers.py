"""What the tests of a wallet system and of a bank have in common: orders, good answers, and every answer that is none.

In a row of a table an outcome is a reference, a `Refused` with its code, or an `Unsure` with its reason.
"""

from __future__ import annotations

import contextlib
import traceback
from typing import Any

import orjson
import pytest
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateways.orders import Order, Receipt
from gateways.outside import Outside
from gateways.paying import HttpPayer
from gateways.receipts import Refused, Unsure
from models.kernel.money import Money
from tests.gateways.babbling import Babbling
from tests.gateways.served import ok, raw

TOKEN = "token-of-the-house"
KEY = "payout_a.b:c-1"
REFERENCE = "their-0001"
AMOUNT = Money(1234, "EUR")


def refused(code: str) -> tuple[str, str]:
    return "Refused", code


def unsure(reason: str) -> tuple[str, str]:
    return "Unsure", reason


async def outcome(asked: Any) -> Any:
    """Of a call, as the tables have it; what is neither of the two is a failure of the test."""
    try:
        receipt = await asked
    except Refused as no:
        return refused(no.code)
    except Unsure as no:
        return unsure(no.reason)
    return receipt.reference if receipt else None


def answer(words: Any, state: str, **changes: Any) -> dict[str, Any]:
    """A good one, but for the changes; a name that is set to None is left out."""
    said = {"id": KEY, "reference": REFERENCE, "amount": "12.34", "currency": "EUR", "status": state}
    if state == words.refused:
        said[words.why] = {"code": "blocked"}
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


def no(status: int, code: Any, **more: Any) -> bytes:
    return ok({"error": {"code": code, "message": "no"}, **more}, status)


def shared(words: Any) -> list[tuple[bytes | None, Any]]:
    """What both `send` and `find` make the same of."""
    done = words.done
    return [
        (ok(answer(words, done)), REFERENCE),
        (ok(answer(words, done, unknown=[1])), REFERENCE),
        (ok(answer(words, words.waiting)), unsure("pending")),
        (ok(answer(words, words.waiting, reference=None)), unsure("pending")),
        (ok(answer(words, words.refused)), refused("blocked")),
        (ok(answer(words, words.refused, **{words.why: None})), unsure("malformed: " + words.why)),
        (ok(answer(words, words.refused, **{words.why: {}})), unsure("malformed: code")),
        (ok(answer(words, words.refused, **{words.why: {"code": "No, never!"}})), unsure("malformed: code")),
        (ok(answer(words, words.refused, **{words.why: "blocked"})), unsure("malformed: " + words.why)),
        (ok(answer(words, words.refused, id="payout_2")), unsure("malformed: id")),
        (ok(answer(words, done, id="payout_2")), unsure("malformed: id")),
        (ok(answer(words, done, id=None)), unsure("malformed: id")),
        (ok(answer(words, done, reference=None)), unsure("malformed: reference")),
        (ok(answer(words, done, reference="")), unsure("malformed: reference")),
        (ok(answer(words, done, reference="a\0")), unsure("malformed: reference")),
        (ok(answer(words, done, amount=12.34)), unsure("malformed: amount")),
        (ok(answer(words, done, amount="12.345")), unsure("malformed: amount")),
        (ok(answer(words, done, amount="-12.34")), unsure("malformed: amount")),
        (ok(answer(words, done, amount="1e1")), unsure("malformed: amount")),
        (ok(answer(words, done, amount="\u0661")), unsure("malformed: amount")),
        (ok(answer(words, done, amount="9" * 16)), unsure("malformed: amount")),
        (ok(answer(words, done, currency="XXX")), unsure("malformed: amount")),
        (ok(answer(words, done, currency=None)), unsure("malformed: currency")),
        (ok(answer(words, done.upper())), unsure("malformed: status")),
        (ok(answer(words, "", status=None)), unsure("malformed: status")),
        (ok({}), unsure("malformed: amount")),
        (ok([]), unsure("malformed: no object")),
        (ok(None), unsure("malformed: no object")),
        (ok(answer(words, done), 202), unsure("status 202")),
        (raw(204, b""), unsure("not JSON")),
        (raw(200, b"<html>fine</html>"), unsure("not JSON")),
        (raw(302, b"", "Location: http://elsewhere/"), unsure("status 302")),
        (no(400, "invalid_request"), unsure("status 400")),
        (no(401, "unauthorized"), unsure("status 401")),
        (no(403, "wallet_not_found"), unsure("status 403")),
        (no(429, "wallet_not_found"), unsure("status 429")),
        (no(500, "wallet_not_found"), unsure("status 500")),
        (raw(502, b"<html>"), unsure("status 502")),
        (raw(404, b"<html>Not Found</html>"), unsure("status 404")),
        (no(404, "no_such_page"), unsure("status 404")),
        (raw(422, b"<html>no</html>"), unsure("status 422")),
        (ok({"detail": [{"msg": "field required"}]}, 422), unsure("status 422")),
        (None, unsure("connection: ServerDisconnectedError")),
    ]


def of_send(words: Any) -> list[tuple[bytes | None, Any]]:
    return [
        *shared(words),
        (ok(answer(words, words.done), 201), REFERENCE),
        (ok(answer(words, words.refused), 201), refused("blocked")),
        (ok(answer(words, words.done, amount="12.35")), unsure("malformed: amount")),
        (ok(answer(words, words.done, amount="1234")), unsure("malformed: amount")),
        (ok(answer(words, words.done, currency="USD")), unsure("malformed: amount")),
        (ok(answer(words, words.refused, amount="12.35")), unsure("malformed: amount")),
        (no(404, "not_found"), unsure("status 404")),
        (no(409, "conflict"), unsure("conflict")),
        (raw(409, b"<html>"), unsure("conflict")),
        *[(no(422, code), refused(code)) for code in CODES],
        (no(422, "Some prose, which may hold an account"), unsure("status 422")),
        (no(422, ["account_closed"]), unsure("status 422")),
        (no(422, ""), unsure("status 422")),
        (ok({"error": "account_closed"}, 422), unsure("status 422")),
        (ok({"code": "account_closed"}, 422), unsure("status 422")),
    ]


CODES = (
    "wallet_not_found",
    "source_not_found",
    "currency_not_supported",
    "account_closed",
    "amount_not_allowed",
)


def of_find(words: Any) -> list[tuple[bytes | None, Any]]:
    """Whose question is refused knows nothing of the order: only the order's own word gives money back."""
    return [
        *shared(words),
        (no(404, "not_found"), None),
        (ok({"error": {"code": "not_found"}}, 404), None),
        (ok(answer(words, words.done), 201), unsure("status 201")),
        (ok(answer(words, words.done), 404), unsure("status 404")),
        (ok({"error": "not_found"}), unsure("malformed: amount")),
        (no(200, "not_found"), unsure("malformed: amount")),
        (no(410, "not_found"), unsure("status 410")),
        (no(409, "conflict"), unsure("status 409")),
        (no(422, "wallet_not_found"), unsure("status 422")),
    ]


async def keeps_silent(payer: HttpPayer, order: Order, server: Any) -> None:
    """Nothing that was raised, logged or shown tells a token, a destination or a note."""
    secrets = (TOKEN, order.note, *order.destination.values())
    for said in (no(422, "account_closed"), no(500, "x"), ok({}), ok([order.note]), raw(404, TOKEN.encode()), None):
        server.answer = lambda _, said=said: said
        with capture_logs() as lines:
            for asked in (payer.send(order), payer.find(order.key)):
                with pytest.raises((Refused, Unsure)) as caught:
                    await asked
                told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(lines)
                assert not [secret for secret in secrets if secret in told]


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9)
    | st.sampled_from(
        ["", KEY, "12.34", "EUR", "9" * 5_000, "not_found", "succeeded", "executed", "rejected", "failed"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(["id", "reference", "amount", "currency", "status", "failure", "rejection", "error", "code"])
garbage = st.tuples(
    st.booleans(),
    st.dictionaries(names, json, max_size=3) | json,
    st.sampled_from(["succeeded", "executed", "pending", "failed", "rejected"]),
    st.sampled_from([200, 201, 404, 409, 422, 500]),
)
"""Whether it is laid over a good answer, what is said, how that one stands, and the status."""


class Unreliable:
    """One client for all examples: to make one takes longer than to ask it."""

    def __init__(self, kind: type[HttpPayer]) -> None:
        self.outside = Outside(kind.words.system, "http://played")
        self.outside._client = self.client = Babbling(lambda _path: self.body)
        self.payer, self.body = kind(self.outside), b""

    async def survive(self, order: Order, said: Any) -> None:
        """Each call ends in a receipt of this order, in `Refused` or in `Unsure`."""
        over, value, state, self.client.status = said
        value = answer(self.payer.words, state) | value if over and isinstance(value, dict) else value
        self.body = orjson.dumps(value)
        with contextlib.suppress(Refused, Unsure):
            assert (await self.payer.send(order)).amount == order.amount
        with contextlib.suppress(Refused, Unsure):
            found = await self.payer.find(order.key)
            assert found is None or isinstance(found, Receipt)
