"""The support desk and the merchant's server of the sandbox, and our clients beside them."""

from __future__ import annotations

import hmac

import orjson
import pytest

from gateways import receivers, support
from gateways.disputing import Accepted, Declined, DisputeOrder, Told, Transaction
from gateways.receipts import Refused, Unsure
from gateways.receivers import HttpReceivers, secret_of
from gateways.support import HttpSupport
from models.kernel.money import Money
from tests.sandbox.disputing import known_by

ORDER = DisputeOrder("d-1", Transaction("inv", "pay", "trx-1", {"key": "hush"}), Money(100, "RUB"), "he paid", ())
MISBEHAVIOUR = ["error", "rate_limit", "timeout", "lost_answer", "slow", "malformed"]


@pytest.fixture
async def desk(box, knobs):
    knobs(support_url=f"{box.url}/support", outside_timeout_seconds=1)
    async with support.connection() as outside:
        yield HttpSupport(outside)


@pytest.fixture
async def merchants(knobs):
    knobs(webhooks_anywhere=True, receiver_timeout_seconds=1)
    async with receivers.connection() as outside:
        yield HttpReceivers(outside)


async def handed(box):
    return [(one["disputeId"], one["asked"]) for one in (await box.ask("support/disputes"))["disputes"]]


# --- the desk


async def test_a_dispute_is_handed_over_once(box, desk):
    assert [await desk.open(ORDER) for _ in range(2)] == [Accepted("desk-d-1")] * 2
    assert await handed(box) == [("d-1", 2)]
    (kept,) = (await box.ask("support/disputes"))["disputes"]
    assert (kept["amount"], kept["reason"], kept["transaction"]["options"]) == (100, "he paid", {})
    calls = (await box.ask("calls", system="support"))["calls"]
    assert [(call["idempotencyKey"], call["effect"]) for call in calls] == [("d-1", True), ("d-1", False)]


async def test_it_hears_how_disputes_stand_once_for_each_key(box, desk):
    for key, status in (("d-1:1", "pending"), ("d-1:2", "failed"), ("d-1:1", "pending")):
        await desk.tell(key, {"disputeId": "d-1", "status": status})
    told = (await box.ask("support/messages"))["messages"]
    assert [(one["key"], one["status"], one["asked"]) for one in told] == [
        ("d-1:1", "pending", 2),
        ("d-1:2", "failed", 1),
    ]


@pytest.mark.parametrize("outcome", MISBEHAVIOUR)
async def test_whatever_happens_a_dispute_is_handed_over_once(box, desk, outcome):
    await box.tell("script", system="support", operation="open", outcome=outcome)
    with pytest.raises(Unsure):
        await desk.open(ORDER)
    assert await desk.open(ORDER) == Accepted("desk-d-1")
    assert len(await handed(box)) == 1


async def test_a_scripted_no_strangers_nonsense_and_a_reset(box, desk, knobs):
    await box.tell("script", system="support", operation="*", outcome="refuse", times=2)
    assert await desk.open(ORDER) == Declined("refused_by_script")
    with pytest.raises(Unsure, match="status 422"):
        await desk.tell("k", {})
    knobs(support_token="another")
    for path in ("disputes", "messages"):
        assert (await box.client.post(f"/support/{path}", json={"disputeId": "d-1"})).status_code == 401
    ours = {"Authorization": "Bearer " + box.world.systems["support"].token}
    assert (await box.client.post("/support/disputes", json={"disputeId": 7}, headers=ours)).status_code == 400
    assert await handed(box) == []
    await desk_with_token(box, ours)
    await box.tell("reset", system="support")
    assert (await handed(box), (await box.ask("support/messages"))["messages"]) == ([], [])


async def test_the_desk_needs_something_to_keep_and_a_key_of_it(box):
    ours = known_by("support")
    keyed = ours | {"Idempotency-Key": "k"}
    for path, body, headers in (
        ("messages", b"{}", ours),
        ("messages", b"", keyed),
        ("messages", b"[]", keyed),
        ("messages", b"not json", keyed),
        ("disputes?disputeId=d-1", b"", keyed),
        ("disputes", b"[]", keyed),
    ):
        answer = await box.client.post(f"/support/{path}", content=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request"), (path, body)
    assert (await handed(box), (await box.ask("support/messages"))["messages"]) == ([], [])


async def desk_with_token(box, headers):
    for path, body in (("disputes", {"disputeId": "d-1"}), ("messages", {})):
        answer = await box.client.post(f"/support/{path}", json=body, headers=headers | {"Idempotency-Key": "k"})
        assert answer.status_code == 200
    assert len(await handed(box)) == 1


# --- a merchant's server


def to(box, name="mega", key="d-1:told"):
    return Told(f"{box.url}/receiver/hooks/{name}", "p", key, {"disputeId": "d-1", "status": "succeeded"})


async def received(box, **which):
    return (await box.ask("receiver/received", **which))["received"]


async def test_it_keeps_what_it_is_told(box, merchants):
    assert await merchants.post(to(box)) == 200
    await merchants.post(to(box, "other"))
    (one,) = await received(box, name="mega")
    assert orjson.loads(one["body"]) == {"disputeId": "d-1", "status": "succeeded"}
    assert one["headers"]["content-type"] == "application/json"
    assert one["delivery"] == one["headers"]["saldo-delivery"] == "d-1:told"
    at, mac = (part.partition("=")[2] for part in one["signature"].split(","))
    assert mac == hmac.new(secret_of("p").encode(), f"{at}.{one['body']}".encode(), "sha256").hexdigest()
    assert [one["name"] for one in await received(box)] == ["mega", "other"]
    await box.tell("reset", system="receiver")
    assert await received(box) == []


async def test_it_checks_nothing(box):
    assert (await box.client.post("/receiver/hooks/mega", content=b"\xffnot json")).status_code == 200
    (one,) = await received(box)
    assert (one["body"], one["signature"], one["delivery"]) == ("\ufffdnot json", "", "")


@pytest.mark.parametrize(
    ("outcome", "said", "kept"),
    [
        ("refuse", "status_422", 0), ("error", "status_500", 0), ("rate_limit", "status_429", 0), ("timeout", Unsure, 0),
        ("lost_answer", Unsure, 1), ("slow", Unsure, 1), ("malformed", None, 1),
    ],
)  # fmt: skip
async def test_what_our_client_makes_of_its_misbehaviour(box, merchants, outcome, said, kept):
    await box.tell("script", system="receiver", operation="notify", outcome=outcome)
    if said is None:
        assert await merchants.post(to(box)) == 200
    else:
        with pytest.raises(Unsure if said is Unsure else Refused) as no:
            await merchants.post(to(box))
        assert said is Unsure or no.value.code == said
    assert len(await received(box)) == kept
