"""Blocked and suspended parties and shops, contracts out of force, and what comes onto a shop. [spec/payouts §0, §2.4, §3.1]"""

from __future__ import annotations

import base64

import pytest

from models.kernel.viewer import Role
from tests.inbox.telling import INGEST, drain, row, statuses
from tests.make import Asker
from tests.parties.asking import REFUSED, SHOWN, bring, built, events_of, facts_of, mutation, paths
from tests.payouts.shops import CONFIRM, CREATE

SHOP, PARTY = {"partyId": "p", "shopId": "s"}, {"partyId": "p"}
MOVES = {
    "blockParty": ("upsertParty", PARTY, "BlockPartyInput"),
    "unblockParty": ("upsertParty", PARTY, "BlockPartyInput"),
    "blockShop": ("upsertShop", SHOP, "BlockShopInput"),
    "unblockShop": ("upsertShop", SHOP, "BlockShopInput"),
}
BLOCKS = ["blockParty", "blockShop"]
MOVED = """query ($subject: String!) { ledgerTransfers(subject: $subject) { edges { node {
  kind amount { amount currency } description source { name } target { name } } } } }"""
MERCHANT = Asker.of(Role.MERCHANT, "merchant-p", party="p")
PREVIEW = """query ($amount: Decimal!) { previewCashFlow(
  partyId: "p", shopId: "s", money: {amount: $amount, currency: "RUB"}) { amount { amount } } }"""
ADJUST = mutation("adjustShopBalance", "AdjustShopBalanceInput", SHOWN["upsertShop"])
SEEN = '{ shop(partyId: "p", shopId: "s") { version settlement { balance { amount } } } }'


def query_of(move):
    noun, _, kind = MOVES[move]
    return mutation(move, kind, SHOWN[noun]).replace(
        REFUSED, f"{REFUSED} ... on IllegalMove {{ currentStatus allowed }}"
    )


async def moved(make, move, *, by=None, **more):
    given = MOVES[move][1] | {"reason": "a reason"} | more
    return await make.ask(query_of(move), by=by or make.operator, input=given)


def undoing(move):
    return f"un{move}"


async def adjusted(make, amount, *, key=None, **more):
    given = SHOP | {"money": {"amount": amount, "currency": "RUB"}, "reason": "a correction"} | more
    return await make.ask(ADJUST, by=make.operator, input=given | {"idempotencyKey": key or f"adjust {amount}"})


async def earned(make):
    """All of it, and 1000.00 on the shop's settlement."""
    await built(make)
    return await adjusted(make, "1000.00")


async def paid_out(make, *, by=MERCHANT, **more):
    given = SHOP | {"money": {"amount": "100.00", "currency": "RUB"}, "idempotencyKey": "k"} | more
    return await make.ask(CREATE, by=by, input=given)


async def previewed(make, by=MERCHANT):
    answer = (await make.send(PREVIEW, by=by, amount="100.00")).json()
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else answer["data"]["previewCashFlow"]


async def settlement(make):
    """Of the shop as its merchant sees it: its version, and what it has earned."""
    seen = await make.ask(SEEN, by=MERCHANT)
    return seen["version"], seen["settlement"]["balance"]["amount"]


async def transfers(make, its):
    """What moved for a shop, the oldest first: kind, from, to, amount, why."""
    number = base64.urlsafe_b64decode(its["id"] + "==").decode().partition(":")[2]
    page = await make.ask(MOVED, by=make.operator, subject=f"shop:{number}")
    nodes = [edge["node"] for edge in page["edges"]]
    return [
        (one["kind"], one["source"]["name"], one["target"]["name"], one["amount"]["amount"], one["description"])
        for one in nodes
    ]


# --- blocked, and not any more ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("move", BLOCKS)
async def test_given_an_active_one_when_blocked_and_unblocked_then_an_event_for_each(make, move):
    await built(make)
    noun = MOVES[move][0]
    blocked = await moved(make, move, reason="fraud")
    assert (blocked["status"], blocked["reason"], blocked["version"]) == ("BLOCKED", "fraud", 1)
    assert (await facts_of(noun))["reason"] == "fraud"
    free = await moved(make, undoing(move), reason="a mistake")
    assert (free["status"], free["reason"], free["version"]) == ("ACTIVE", "a mistake", 2)
    assert await events_of(noun) == [("open", 0), ("block", 1), ("unblock", 2)]


@pytest.mark.parametrize("move", BLOCKS)
async def test_given_a_blocked_one_when_blocked_again_then_the_first_reason_stays(make, nothing_written, move):
    await built(make)
    first = await moved(make, move, reason="fraud")
    async with nothing_written():
        assert await moved(make, move, reason="another") == first


@pytest.mark.parametrize("move", BLOCKS)
async def test_given_an_active_one_when_unblocked_then_nothing_is_written(make, nothing_written, move):
    before = (await built(make))[MOVES[move][0]]
    async with nothing_written():
        assert await moved(make, undoing(move)) == before


@pytest.mark.parametrize("words", ["", " ", "x" * 501])
@pytest.mark.parametrize("move", MOVES)
async def test_given_a_reason_that_is_none_when_moved_then_refused(make, nothing_written, move, words):
    await built(make)
    if move not in BLOCKS:
        await moved(make, move.removeprefix("un"))
    async with nothing_written():
        assert paths(await moved(make, move, reason=words)) == ["reason"]


UNKNOWN = [
    ("blockParty", {"partyId": "none"}, "PARTY_NOT_FOUND"),
    ("unblockParty", {"partyId": "none"}, "PARTY_NOT_FOUND"),
    ("blockShop", {"partyId": "none"}, "PARTY_NOT_FOUND"),
    ("blockShop", {"shopId": "none"}, "SHOP_NOT_FOUND"),
    ("unblockShop", {"partyId": "none"}, "PARTY_NOT_FOUND"),
    ("unblockShop", {"shopId": "none"}, "SHOP_NOT_FOUND"),
]


@pytest.mark.parametrize(("move", "wrong", "code"), UNKNOWN)
async def test_given_an_unknown_one_when_moved_then_not_found(make, nothing_written, move, wrong, code):
    await built(make)
    async with nothing_written():
        told = await moved(make, move, **wrong)
    assert (told["__typename"], told["code"]) == ("NotFound", code)


@pytest.mark.parametrize("move", MOVES)
async def test_given_another_version_when_moved_then_conflict(make, nothing_written, move):
    await built(make)
    async with nothing_written():
        assert (await moved(make, move, expectedVersion=3))["code"] == "VERSION_CONFLICT"


@pytest.mark.parametrize("role", [Role.MERCHANT, Role.AUDITOR, Role.SERVICE, Role.USER, Role.CHANNEL])
@pytest.mark.parametrize("move", MOVES)
async def test_given_anybody_but_an_operator_when_moved_then_forbidden(make, nothing_written, move, role):
    await built(make)
    by = Asker.of(role, **{Role.MERCHANT: {"party": "p"}, Role.USER: {"person": 1}}.get(role, {}))
    async with nothing_written():
        told = await make.error(query_of(move), by=by, input=MOVES[move][1] | {"reason": "r"})
    assert told == {"code": "FORBIDDEN", "status": 403}


@pytest.mark.parametrize("move", BLOCKS)
async def test_given_a_blocked_one_when_it_is_brought_again_then_it_stays_blocked(make, move):
    await built(make)
    await moved(make, move)
    told = await bring(make, MOVES[move][0], name="Another")
    assert (told["name"], told["status"], told["reason"]) == ("Another", "BLOCKED", "a reason")


@pytest.mark.parametrize(
    ("standing", "by", "told"),
    [
        ("ACTIVE", "operator", {"block": None, "unblock": "ILLEGAL_MOVE", "change": None}),
        ("BLOCKED", "operator", {"block": "ILLEGAL_MOVE", "unblock": None, "change": None}),
        ("BLOCKED", "auditor", {"block": "FORBIDDEN", "unblock": "FORBIDDEN", "change": "FORBIDDEN"}),
    ],
)
async def test_given_a_standing_when_it_is_asked_what_could_be_done_then_the_moves_out_of_it(make, standing, by, told):
    await built(make)
    if standing == "BLOCKED":
        await moved(make, "blockParty")
    query = """{ party(ref: {partyId: "p"}) { allowedActions { name allowed why } } }"""
    seen = (await make.ask(query, by=getattr(make, by)))["allowedActions"]
    assert {one["name"]: one["why"] for one in seen} == told
    assert all(one["allowed"] is (one["why"] is None) for one in seen)


# --- what that means for payouts --------------------------------------------------------------------------------------

STOPPED = [
    ("blockParty", {}, "PARTY_BLOCKED"),
    ("blockShop", {}, "SHOP_BLOCKED"),
    ("upsertParty", {"suspended": True}, "PARTY_SUSPENDED"),
    ("upsertShop", {"suspended": True}, "SHOP_SUSPENDED"),
    ("upsertContract", {"terminated": True}, "CONTRACT_NOT_ACTIVE"),
    ("upsertContract", {"validUntil": "2020-01-01T00:00:00Z"}, "CONTRACT_NOT_ACTIVE"),
    ("upsertContract", {"validSince": "2999-01-01T00:00:00Z"}, "CONTRACT_NOT_ACTIVE"),
]


async def stopped(make, how, change):
    told = await (moved if how in MOVES else bring)(make, how, **change)
    assert "code" not in told, told


@pytest.mark.parametrize("asker", ["merchant", "operator"])
@pytest.mark.parametrize(("how", "change", "code"), STOPPED)
async def test_given_what_does_not_operate_when_a_payout_is_asked_then_refused(
    make, nothing_written, how, change, code, asker
):
    await earned(make)
    await stopped(make, how, change)
    by = MERCHANT if asker == "merchant" else make.operator
    async with nothing_written():
        assert (await paid_out(make, by=by))["code"] == code
        assert await previewed(make, by) == code
    assert (await settlement(make))[1] == "1000.00"


@pytest.mark.parametrize(("how", "change", "code"), STOPPED)
async def test_given_the_checks_switched_off_when_a_payout_is_asked_then_it_is_made(make, knobs, how, change, code):
    knobs(payout_strict=False)
    await earned(make)
    await stopped(make, how, change)
    assert (await paid_out(make))["status"] == "UNPAID"


@pytest.mark.parametrize(
    ("how", "change", "back"),
    [
        ("blockParty", {}, ("unblockParty", {})),
        ("blockShop", {}, ("unblockShop", {})),
        ("upsertParty", {"suspended": True}, ("upsertParty", {})),
        ("upsertShop", {"suspended": True}, ("upsertShop", {})),
        ("upsertContract", {"validUntil": "2020-01-01T00:00:00Z"}, ("upsertContract", {})),
    ],
)
async def test_given_a_payout_when_its_shop_stops_and_goes_on_then_others_can_be_made(make, how, change, back):
    await earned(make)
    assert (await paid_out(make))["status"] == "UNPAID"  # what the shop rests on is known from now on
    await stopped(make, how, change)
    assert "status" not in await paid_out(make, idempotencyKey="second")
    await stopped(make, *back)
    assert (await paid_out(make, idempotencyKey="third"))["status"] == "UNPAID"
    assert await previewed(make) == {"amount": {"amount": "75.00"}}


async def test_given_both_blocked_when_one_is_unblocked_then_the_other_still_holds(make, nothing_written):
    await earned(make)
    for block in BLOCKS:
        await moved(make, block)
    assert (await paid_out(make))["code"] == "PARTY_BLOCKED"
    await moved(make, "unblockParty")
    async with nothing_written():
        assert (await paid_out(make))["code"] == "SHOP_BLOCKED"


@pytest.mark.parametrize("move", BLOCKS)
async def test_given_a_payout_when_its_shop_is_blocked_then_it_can_be_confirmed(make, knobs, move):
    knobs(transfers_enabled=False)
    await earned(make)
    made = await paid_out(make)
    await moved(make, move)
    told = await make.ask(CONFIRM, by=make.operator, id=made["payoutId"])
    assert told["status"] == "CONFIRMED"


@pytest.mark.parametrize("move", BLOCKS)
async def test_given_a_blocked_one_when_money_comes_then_it_is_booked(make, move):
    await built(make)
    await moved(make, move)
    assert (await adjusted(make, "10.00"))["settlement"]["balance"] == {"amount": "10.00"}


# --- corrected by an operator -----------------------------------------------------------------------------------------


async def test_given_a_shop_when_it_is_adjusted_up_and_down_then_events_and_postings_say_so(make):
    its = (await built(make))["upsertShop"]
    up = await adjusted(make, "1000.00", reason="captured by hand")
    assert (up["version"], up["settlement"]["balance"]) == (1, {"amount": "1000.00"})
    down = await adjusted(make, "-999.99", reason="too much")
    assert (down["version"], down["settlement"]["balance"]) == (2, {"amount": "0.01"})
    assert (down["guarantee"]["balance"], down["payout"]["balance"]) == ({"amount": "0.00"}, {"amount": "0.00"})
    assert await transfers(make, its) == [
        ("shop.adjustment", "house:adjustments", "shop:p/s:settlement", "1000.00", "captured by hand"),
        ("shop.adjustment", "shop:p/s:settlement", "house:adjustments", "999.99", "too much"),
    ]
    assert await events_of("upsertShop") == [("open", 0), ("adjust", 1), ("adjust", 2)]
    facts = await facts_of("upsertShop")
    assert (facts["amount_minor"], facts["currency"], facts["reason"]) == (-99_999, "RUB", "too much")


async def test_given_exactly_so_much_when_it_is_taken_back_then_nothing_is_left(make):
    await earned(make)
    assert (await adjusted(make, "-1000.00"))["settlement"]["balance"] == {"amount": "0.00"}


REFUSALS = [
    ({"money": {"amount": "-1000.01", "currency": "RUB"}}, "INSUFFICIENT_FUNDS"),
    ({"money": {"amount": "0.00", "currency": "RUB"}}, "INVALID_AMOUNT"),
    ({"money": {"amount": "0.001", "currency": "RUB"}}, "INVALID_AMOUNT"),
    ({"money": {"amount": "10000000000000.01", "currency": "RUB"}}, "INVALID_AMOUNT"),
    ({"money": {"amount": "1.00", "currency": "EUR"}}, "CURRENCY_NOT_SUPPORTED"),
    ({"money": {"amount": "1.00", "currency": "XXX"}}, "CURRENCY_NOT_SUPPORTED"),
    ({"reason": " "}, "INVALID_INPUT"),
    ({"reason": "x" * 501}, "INVALID_INPUT"),
    ({"idempotencyKey": ""}, "INVALID_INPUT"),
    ({"partyId": "none"}, "PARTY_NOT_FOUND"),
    ({"shopId": "none"}, "SHOP_NOT_FOUND"),
    ({"expectedVersion": 0}, "VERSION_CONFLICT"),
]


@pytest.mark.parametrize(("wrong", "code"), REFUSALS)
async def test_given_what_cannot_be_booked_when_adjusted_then_refused(make, nothing_written, wrong, code):
    await earned(make)
    given = SHOP | {"money": {"amount": "1.00", "currency": "RUB"}, "reason": "r", "idempotencyKey": "other"} | wrong
    async with nothing_written():
        assert (await make.ask(ADJUST, by=make.operator, input=given))["code"] == code
    assert await settlement(make) == (1, "1000.00")


async def test_given_a_payout_that_holds_it_when_it_is_taken_back_then_insufficient_funds(make, nothing_written):
    await earned(make)
    await paid_out(make)
    async with nothing_written():
        told = await adjusted(make, "-900.01")
    assert (told["code"], told["message"]) == ("INSUFFICIENT_FUNDS", "900.01 RUB needed, 900.00 RUB available.")
    assert (await adjusted(make, "-900.00"))["version"] == 2


async def test_given_a_key_when_adjusted_again_under_it_then_no_money_moves(make, nothing_written):
    first = await earned(make)
    async with nothing_written():
        assert await adjusted(make, "1000.00") == first
        assert (await adjusted(make, "1.00", key="adjust 1000.00"))["code"] == "IDEMPOTENCY_KEY_CONFLICT"
    assert await settlement(make) == (1, "1000.00")


async def test_given_a_refused_adjustment_when_money_comes_then_its_key_is_free(make):
    await built(make)
    assert (await adjusted(make, "-5.00"))["code"] == "INSUFFICIENT_FUNDS"
    await adjusted(make, "5.00")
    assert (await adjusted(make, "-5.00"))["settlement"]["balance"] == {"amount": "0.00"}


@pytest.mark.parametrize("role", [Role.MERCHANT, Role.AUDITOR, Role.SERVICE])
async def test_given_anybody_but_an_operator_when_adjusted_then_forbidden(make, nothing_written, role):
    await built(make)
    by = Asker.of(role, **({"party": "p"} if role is Role.MERCHANT else {}))
    given = SHOP | {"money": {"amount": "1", "currency": "RUB"}, "reason": "r", "idempotencyKey": "k"}
    async with nothing_written():
        assert await make.error(ADJUST, by=by, input=given) == {"code": "FORBIDDEN", "status": 403}


# --- told by another system -------------------------------------------------------------------------------------------

CREDITED = {"partyId": "p", "shopId": "s", "amount": "10.50", "currency": "RUB"}


async def captured(make, event="e1", *, by=None, **more):
    given = {"topic": "shop.credited", "eventId": event, "payload": CREDITED | more}
    return await make.ask(INGEST, by=by or make.service, input=given)


async def test_given_a_capture_when_it_is_told_then_it_is_booked_with_an_event(make):
    its = (await built(make))["upsertShop"]
    assert (await captured(make))["status"] == "RECEIVED"
    await drain()
    assert await settlement(make) == (1, "10.50")
    assert await transfers(make, its) == [("shop.credit", "house:clearing", "shop:p/s:settlement", "10.50", "")]
    assert await events_of("upsertShop") == [("open", 0), ("credit", 1)]
    facts = await facts_of("upsertShop")
    assert (facts["amount_minor"], facts["currency"]) == (1_050, "RUB")


async def test_given_a_capture_when_it_is_told_again_then_it_is_booked_once(make, nothing_written):
    await built(make)
    first = await captured(make)
    await drain()
    async with nothing_written():
        again = await captured(make)
        await drain()
    assert (again["id"], again["status"]) == (first["id"], "PROCESSED")
    assert await settlement(make) == (1, "10.50")
    await captured(make, "e2")
    await drain()
    assert await settlement(make) == (2, "21.00")


async def test_given_a_capture_when_its_id_comes_with_another_amount_then_conflict(make, nothing_written):
    await built(make)
    await captured(make)
    await drain()
    async with nothing_written():
        assert (await captured(make, amount="99.00"))["code"] == "EVENT_ID_CONFLICT"
    assert await settlement(make) == (1, "10.50")


POISON = [
    ({"partyId": "none"}, "PARTY_NOT_FOUND: There is no such party."),
    ({"shopId": "none"}, "SHOP_NOT_FOUND: There is no such shop."),
    ({"amount": "0"}, "INVALID_AMOUNT: The amount must be above zero, not 0.00 RUB."),
    ({"amount": "0.001"}, "INVALID_AMOUNT: RUB has 2 decimals; 0.001 has more."),
    ({"currency": "EUR"}, "the shop has RUB, not EUR"),
]


@pytest.mark.parametrize(("wrong", "reason"), POISON)
async def test_given_what_cannot_be_booked_when_it_is_told_then_a_dead_letter_says_why(make, wrong, reason):
    await built(make)
    await captured(make, **wrong)
    await drain()
    assert await statuses() == {"e1": "dead"}
    assert (await row())["reason"] == reason
    assert await settlement(make) == (0, "0.00")


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"amount": "-1.00"}, "payload.amount"),
        ({"amount": 10}, "payload.amount"),
        ({"amount": "1e3"}, "payload.amount"),
        ({"currency": "rub"}, "payload.currency"),
        ({"partyId": ""}, "payload.partyId"),
        ({"shopId": "x" * 65}, "payload.shopId"),
    ],
)
async def test_given_what_is_no_capture_when_it_is_told_then_refused(make, nothing_written, wrong, path):
    await built(make)
    async with nothing_written():
        answer = await captured(make, **wrong)
    assert [field["path"] for field in answer["fields"]] == [path]
