"""What a payout would be: the very numbers that it then has, as of a moment, and nothing written. [spec/payouts §6]"""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.kernel.clock import now
from models.parties import operations as parties
from models.parties.lifecycle import ToolKind
from tests.payouts.shops import (
    CREATE,
    F1,
    F2,
    P,
    S,
    Y,
    add_tool,
    asked,
    merchant,
    posting,
    share,
    shop,
)

MONEY = "{ amount currency }"
PREVIEW = f"""query ($party: String!, $shop: String!, $amount: Decimal!, $currency: CurrencyCode!, $tool: String,
                     $at: DateTime) {{
  previewCashFlow(partyId: $party, shopId: $shop, money: {{amount: $amount, currency: $currency}},
                  payoutToolId: $tool, at: $at) {{
    requested {MONEY} amount {MONEY} fee {MONEY} settlementChange {MONEY} payoutTool {{ payoutToolId kind }}
    cashFlow {{ source {{ type account {{ kind }} }} destination {{ type account {{ kind }} }} amount {{ amount }} details }} }}
  }}"""


async def previewed(api, its, amount="1000.00", *, by=None, **more):
    given = {"party": its.party_code, "shop": its.code, "amount": amount, "currency": its.currency}
    return await api(PREVIEW, by=by or merchant(its), **(given | more))


@pytest.mark.parametrize("fees", [F1, F2, [*F1, posting(S, Y, share("1/100"), details="on top")]])
@pytest.mark.parametrize("amount", ["10.01", "333.33", "989.99"])
async def test_given_any_fees_when_previewed_and_created_then_one_and_the_same(
    api, make, nothing_written, fees, amount
):
    its = await shop(make, fees=fees)
    async with nothing_written():
        seen = await previewed(api, its, amount)
    made = await api(CREATE, by=merchant(its), input=asked(its, amount))
    assert seen["cashFlow"] == made["cashFlow"]
    assert [seen[name]["amount"] for name in ("requested", "amount", "fee")] == [
        made[name]["amount"] for name in ("requested", "amount", "fee")
    ]


async def test_given_a_fee_on_top_when_previewed_then_the_settlement_falls_by_more(api, make):
    its = await shop(make, fees=[posting(S, P, share("1/1")), posting(S, Y, share("1/10"))])
    seen = await previewed(api, its, "100.00")
    assert [seen[name]["amount"] for name in ("requested", "amount", "fee", "settlementChange")] == [
        "100.00", "100.00", "10.00", "110.00",
    ]  # fmt: skip


async def test_given_more_than_there_is_when_previewed_then_nobody_asks(api, make):
    its = await shop(make, earned=None)
    assert (await previewed(api, its))["amount"] == {"amount": "750.00", "currency": "RUB"}


async def test_given_another_tool_when_previewed_then_what_it_would_cost_there(api, make):
    by_method = {"decisions": [
        {"if": {"payout_method_is": "wallet"}, "then": {"value": F1}}, {"if": True, "then": {"value": F2}},
    ]}  # fmt: skip
    its = await shop(make, timed=[{"terms": {"payouts": {"fees": by_method}}}])
    await add_tool(make, its.party_code, f"c{its.code.removeprefix('s')}", "other", ToolKind.WALLET)
    seen = {tool: await previewed(api, its, tool=tool) for tool in (None, "other")}
    assert [seen[tool]["fee"]["amount"] for tool in seen] == ["250.00", "10.00"]
    assert seen["other"]["payoutTool"] == {"payoutToolId": "other", "kind": "WALLET"}


async def test_given_terms_that_change_when_previewed_as_of_then_those_of_that_moment(api, make):
    soon = now() + timedelta(days=1)
    timed = [
        {"terms": {"payouts": {"fees": {"value": F2}}}},
        {"since": soon.isoformat(), "terms": {"payouts": {"fees": {"value": F1}}}},
    ]
    its = await shop(make, timed=timed)
    later = (soon + timedelta(minutes=1)).isoformat()
    assert (await previewed(api, its))["fee"]["amount"] == "250.00"
    assert (await previewed(api, its, at=later))["fee"]["amount"] == "10.00"


async def test_given_what_was_otherwise_when_previewed_as_of_then_as_it_was(api, make):
    """By the log: the contract has other terms and the shop was blocked since. [spec/payouts §6.1]"""
    its, other = await shop(make), await shop(make, fees=F1)
    then, number = now().isoformat(), its.code.removeprefix("s")
    agreed = parties.Agreed("house", f"t{other.code.removeprefix('s')}")
    await parties.upsert_contract(its.party_code, f"c{number}", agreed, by=make.operator.viewer)
    assert (await previewed(api, its))["fee"]["amount"] == "10.00"
    await parties.block_shop(its.party_code, its.code, "a test", by=make.operator.viewer)
    assert (await previewed(api, its, at=then))["fee"]["amount"] == "250.00"
    error = await make.error(
        PREVIEW, by=merchant(its), party=its.party_code, shop=its.code, amount="10", currency="RUB"
    )
    assert error["code"] == "SHOP_BLOCKED"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"amount": "0"}, "INSUFFICIENT_FUNDS"),
        ({"currency": "EUR"}, "SHOP_CURRENCY_MISMATCH"),
        ({"tool": "none"}, "PAYOUT_TOOL_NOT_FOUND"),
        ({"shop": "nothing"}, "SHOP_NOT_FOUND"),
        ({"at": "2020-01-01T00:00:00Z"}, "PARTY_NOT_EXISTS_YET"),
    ],
)
async def test_given_what_cannot_be_when_previewed_then_refused_like_the_payout(
    api, make, nothing_written, given, code
):
    its = await shop(make)
    asking = {"party": its.party_code, "shop": its.code, "amount": "10", "currency": "RUB"} | given
    async with nothing_written():
        assert (await make.error(PREVIEW, by=merchant(its), **asking))["code"] == code


async def test_given_somebody_elses_shop_when_previewed_then_like_none(api, make):
    its, other = await shop(make), await shop(make)
    asking = {"party": its.party_code, "amount": "10", "currency": "RUB"}
    told = [await make.error(PREVIEW, by=merchant(other), shop=code, **asking) for code in (its.code, "nothing")]
    assert told[0] == told[1]
    assert (await previewed(api, its, by=make.auditor))["fee"]["amount"] == "250.00"
