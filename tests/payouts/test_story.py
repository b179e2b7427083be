"""Payouts, as the specification's statements have them. [spec/payouts §13]"""

from __future__ import annotations

import pytest

from models.ledger.errors import InsufficientFunds
from models.parties.lifecycle import ToolKind
from models.payouts import operations as payouts
from tests.payouts.shops import (
    CANCEL,
    CONFIRM,
    CREATE,
    F1,
    F2,
    READ,
    G,
    P,
    S,
    Y,
    add_tool,
    asked,
    earn,
    events_of,
    merchant,
    paid_out,
    plan_of,
    posting,
    share,
    shop,
    stands,
)

# --- create -----------------------------------------------------------------------------------------------------------


async def test_1_given_1000_and_quarters_when_1000_is_created_then_all_of_it_is_held(api, make):
    its = await shop(make)
    told = await api(CREATE, by=merchant(its), input=asked(its))
    assert (told["status"], told["sequence"], told["version"]) == ("UNPAID", 0, 0)
    assert (told["requested"], told["amount"], told["fee"]) == (
        {"amount": "1000.00"},
        {"amount": "750.00"},
        {"amount": "250.00"},
    )
    assert [(p["source"]["type"], p["destination"]["type"], p["amount"]["amount"]) for p in told["cashFlow"]] == [
        (S.upper(), P.upper(), "750.00"),
        (S.upper(), Y.upper(), "250.00"),
    ]
    assert told["cashFlow"][0]["source"]["account"] == {"kind": "shop.settlement"}
    assert told["cashFlow"][1]["destination"]["account"] is None  # the house's accounts are no merchant's business
    assert await stands(its) == {
        "S": (100_000, 0, 100_000), "P": (0, 0, 75_000), "G": (0, 0, 0), "Y": (0, 0, 25_000),
    }  # fmt: skip
    assert await events_of(told["payoutId"]) == [("open", 0)]


async def test_2_given_999_when_1000_is_created_then_insufficient_funds_and_no_trace(api, make, nothing_written):
    its = await shop(make, earned="999.00")
    async with nothing_written():
        told = await api(CREATE, by=merchant(its), input=asked(its))
    assert told == {
        "__typename": "InsufficientFunds",
        "code": "INSUFFICIENT_FUNDS",
        "message": "1000.00 RUB needed, 999.00 RUB available.",
    }


async def test_3_given_what_leaves_exactly_nothing_when_created_then_it_succeeds(make):
    its = await shop(make, earned="1000.00")
    first = await paid_out(make, its, "400.00")
    second = await paid_out(make, its, "600.00")
    assert (await stands(its))["S"] == (100_000, 0, 100_000)
    assert {first.status.name, second.status.name} == {"UNPAID"}


@pytest.mark.parametrize("amount", ["0.00", "-0.01", "-1000.00"])
async def test_4_given_nothing_or_less_when_created_for_an_unknown_party_then_insufficient_funds(
    api, make, nothing_written, amount
):
    its = await shop(make)
    async with nothing_written():
        told = await api(CREATE, by=make.operator, input=asked(its, amount, partyId="nobody", shopId="nothing"))
    assert told["code"] == "INSUFFICIENT_FUNDS"


async def test_5_given_a_fee_that_eats_it_up_when_created_then_insufficient_funds(api, make, nothing_written):
    its = await shop(make, fees=F1)
    async with nothing_written():
        told = await api(CREATE, by=merchant(its), input=asked(its, "10.00"))
    assert (told["code"], told["message"]) == ("INSUFFICIENT_FUNDS", "10.01 RUB needed, 10.00 RUB available.")
    assert (await api(CREATE, by=merchant(its), input=asked(its, "10.01")))["amount"] == {"amount": "0.01"}


async def test_6_given_an_id_that_is_taken_when_created_again_then_already_exists(api, make, nothing_written):
    its = await shop(make)
    first = await api(CREATE, by=merchant(its), input=asked(its, "10.00", payoutId="mine"))
    assert first["payoutId"] == "mine"
    async with nothing_written():
        for given in (asked(its, "10.00", payoutId="mine"), asked(its, "10.00", payoutId="mine", shopId="nothing")):
            told = await api(CREATE, by=merchant(its), input=given)
            assert told["code"] == "PAYOUT_ALREADY_EXISTS"
    assert await events_of("mine") == [("open", 0)]


async def test_7_given_no_tool_at_all_when_created_then_it_is_asked_for(api, make, nothing_written):
    its = await shop(make, tool=None)
    query = CREATE.replace("... on Refusal {", "... on InvalidInput { fields { path message } } ... on Refusal {")
    async with nothing_written():
        told = await api(query, by=merchant(its), input=asked(its))
    assert told["code"] == "PAYOUT_TOOL_REQUIRED"
    missing = f"shop {its.code} of party {its.party_code} has no payout tool of its own: name one"
    assert told["fields"] == [{"path": "payoutToolId", "message": missing}]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"partyId": "nobody"}, "PARTY_NOT_FOUND"),
        ({"shopId": "nothing"}, "SHOP_NOT_FOUND"),
        ({"payoutToolId": "none"}, "PAYOUT_TOOL_NOT_FOUND"),
    ],
)
async def test_8_given_an_unknown_party_shop_or_tool_when_created_then_not_found(
    api, make, nothing_written, wrong, code
):
    its = await shop(make)
    async with nothing_written():
        told = await api(CREATE, by=make.operator, input=asked(its, **wrong))
    assert (told["__typename"], told["code"]) == ("NotFound", code)


async def test_9_given_no_id_when_created_twice_then_two_payouts(api, make):
    its = await shop(make)
    ids = {(await api(CREATE, by=merchant(its), input=asked(its, "10.00")))["payoutId"] for _ in range(2)}
    assert len(ids) == 2


async def test_10_given_another_currency_than_the_shops_when_created_then_invalid_input(api, make, nothing_written):
    its = await shop(make)
    async with nothing_written():
        told = await api(CREATE, by=merchant(its), input=asked(its, currency="EUR"))
    assert (told["__typename"], told["code"]) == ("InvalidInput", "SHOP_CURRENCY_MISMATCH")


async def test_11_given_a_cash_flow_beside_the_settlement_when_created_then_insufficient_funds(
    api, make, nothing_written
):
    its = await shop(make, fees=[posting(G, P, share("1/1"))])
    async with nothing_written():
        told = await api(CREATE, by=merchant(its), input=asked(its))
    assert told["code"] == "INSUFFICIENT_FUNDS"


async def test_12_given_a_refused_create_when_money_comes_then_the_same_id_is_free(api, make):
    its = await shop(make, earned="999.00")
    refused = await api(CREATE, by=merchant(its), input=asked(its, payoutId="again"))
    assert refused["code"] == "INSUFFICIENT_FUNDS"
    await earn(make, its, "1.00")
    told = await api(CREATE, by=merchant(its), input=asked(its, payoutId="again"))
    assert (told["payoutId"], told["status"]) == ("again", "UNPAID")


async def test_13_given_a_wallet_when_created_then_it_is_kept(api, make):
    its = await shop(make, tool=ToolKind.WALLET)
    told = await api(CREATE, by=merchant(its), input=asked(its))
    assert told["destination"] == {"kind": "WALLET", "account": None, "walletId": "wallet-7"}


# --- confirm, cancel --------------------------------------------------------------------------------------------------


async def test_21_given_an_unpaid_one_when_confirmed_then_committed(api, make, knobs):
    knobs(transfers_enabled=False)
    its = await shop(make)
    made = await paid_out(make, its, payout_id="a")
    told = await api(CONFIRM, by=make.operator, id="a")
    assert (told["status"], told["sequence"], told["deliveryStatus"]) == ("CONFIRMED", 1, None)
    assert await stands(its) == {
        "S": (0, 0, 0), "P": (75_000, 75_000, 75_000), "G": (0, 0, 0), "Y": (25_000, 25_000, 25_000),
    }  # fmt: skip
    assert await plan_of("a") == [("payout_a", "COMMIT")]
    assert await events_of("a") == [("open", 0), ("confirm", 1)]
    assert made.sequence == 0


async def test_22_given_a_confirmed_one_when_confirmed_again_then_nothing_changes(api, make, knobs, nothing_written):
    knobs(transfers_enabled=False)
    its = await shop(make)
    await paid_out(make, its, payout_id="a")
    first = await api(CONFIRM, by=make.operator, id="a")
    async with nothing_written():
        answer = (await make.send(CONFIRM, by=make.operator, id="a")).json()
    assert answer["data"]["confirmPayout"] == first
    assert answer["extensions"]["replayed"] == [["confirmPayout"]]


async def test_23_given_an_unpaid_one_when_cancelled_then_all_is_as_before(api, make):
    its = await shop(make)
    before = await stands(its)
    await paid_out(make, its, payout_id="a")
    told = await api(CANCEL, by=merchant(its), id="a", why="too early")
    assert (told["status"], told["sequence"], told["cancelDetails"]) == ("CANCELLED", 1, "too early")
    assert await stands(its) == before
    assert await plan_of("a") == [("payout_a", "ROLLBACK")]
    assert await events_of("a") == [("open", 0), ("cancel", 1)]


async def test_24_given_a_cancelled_one_when_cancelled_again_then_the_first_details_stay(api, make, nothing_written):
    its = await shop(make)
    await paid_out(make, its, payout_id="a")
    await api(CANCEL, by=merchant(its), id="a", why="x")
    async with nothing_written():
        told = await api(CANCEL, by=merchant(its), id="a", why="y")
    assert (told["status"], told["cancelDetails"]) == ("CANCELLED", "x")


async def test_25_given_one_that_has_ended_when_confirmed_then_illegal(api, make, nothing_written):
    its = await shop(make)
    await paid_out(make, its, payout_id="a")
    await api(CANCEL, by=merchant(its), id="a")
    async with nothing_written():
        told = await api(CONFIRM, by=make.operator, id="a")
    assert (told["__typename"], told["code"]) == ("IllegalMove", "PAYOUT_STATUS_CHANGE_NOT_ALLOWED")
    assert (told["currentStatus"], told["allowed"]) == ("CANCELLED", [])


async def test_26_given_reverting_switched_off_when_a_confirmed_one_is_cancelled_then_illegal(
    api, make, knobs, nothing_written
):
    knobs(transfers_enabled=False, payout_revert_confirmed=False)
    its = await shop(make)
    await paid_out(make, its, payout_id="a")
    await api(CONFIRM, by=make.operator, id="a")
    async with nothing_written():
        told = await api(CANCEL, by=make.operator, id="a")
    assert (told["code"], told["currentStatus"]) == ("PAYOUT_STATUS_CHANGE_NOT_ALLOWED", "CONFIRMED")


async def test_27_given_a_confirmed_one_to_a_bank_when_cancelled_then_reverted_by_its_mirror(api, make, knobs):
    knobs(transfers_enabled=False)
    its = await shop(make)
    before = await stands(its)
    await paid_out(make, its, payout_id="a")
    await api(CONFIRM, by=make.operator, id="a")
    told = await api(CANCEL, by=make.operator, id="a", why="wrong account")
    assert (told["status"], told["sequence"], told["cancelDetails"]) == ("CANCELLED", 2, "wrong account")
    assert await plan_of("a") == [("payout_a", "COMMIT"), ("revert_payout_a", "COMMIT")]
    assert await stands(its) == before
    assert await events_of("a") == [("open", 0), ("confirm", 1), ("revert", 2)]


async def test_27_given_a_delivery_that_has_not_begun_when_cancelled_then_it_is_withdrawn(api, make):
    its = await shop(make)
    before = await stands(its)
    await paid_out(make, its, payout_id="a")
    assert (await api(CONFIRM, by=make.operator, id="a"))["deliveryStatus"] == "QUEUED"
    told = await api(CANCEL, by=make.operator, id="a")
    assert (told["status"], told["deliveryStatus"]) == ("CANCELLED", "WITHDRAWN")
    assert await stands(its) == before
    assert [name for name, _ in await events_of("a")] == [
        "open", "confirm", "queue_delivery", "withdraw_delivery", "revert",
    ]  # fmt: skip


async def test_28_given_a_confirmed_one_to_a_wallet_when_cancelled_then_refused(api, make, nothing_written):
    its = await shop(make, tool=ToolKind.WALLET)
    await paid_out(make, its, payout_id="a")
    await api(CONFIRM, by=make.operator, id="a")
    async with nothing_written():
        told = await api(CANCEL, by=make.operator, id="a")
    assert told["code"] == "PAYOUT_STATUS_CHANGE_NOT_ALLOWED"


async def test_30_given_an_unknown_id_when_anything_is_asked_then_not_found(api, make, nothing_written):
    async with nothing_written():
        for query in (CONFIRM, CANCEL):
            assert (await api(query, by=make.operator, id="none"))["code"] == "PAYOUT_NOT_FOUND"
        assert await make.error(READ, by=make.operator, id="none") == {"code": "PAYOUT_NOT_FOUND", "status": 404}


# --- what it costs ----------------------------------------------------------------------------------------------------


async def test_given_a_fee_on_top_when_created_then_it_is_held_too(make):
    its = await shop(make, fees=[posting(S, P, share("1/1")), posting(S, Y, share("1/100"))], earned="101.00")
    made = await paid_out(make, its, "100.00")
    assert (str(made.amount), str(made.fee)) == ("100.00 RUB", "1.00 RUB")
    assert (await stands(its))["S"] == (10_100, 0, 10_100)
    with pytest.raises(InsufficientFunds):
        await paid_out(make, its, "0.01")


async def test_given_another_tool_of_the_contract_when_it_is_named_then_it_goes_there(api, make):
    its = await shop(make)
    number = its.code.removeprefix("s")
    await add_tool(make, its.party_code, f"c{number}", "wallet", ToolKind.WALLET)
    told = await api(CREATE, by=merchant(its), input=asked(its, payoutToolId="wallet"))
    assert told["destination"]["walletId"] == "wallet-7"


async def test_given_postings_of_zero_when_created_then_they_are_shown_and_held(make):
    its = await shop(make, fees=[*F2, posting(S, G, share("0/1"), details="nothing")])
    made = await paid_out(make, its)
    assert [str(one.amount) for one in made.cash_flow] == ["750.00 RUB", "250.00 RUB", "0.00 RUB"]
    await payouts.confirm(made.payout_id, by=make.operator.viewer)
