"""A page of payouts costs as many questions to PostgreSQL however long it is: nothing is asked one by one."""

from __future__ import annotations

import pytest

from models import database
from models.payouts import operations as payouts
from tests.payouts.shops import merchant, paid_out, shop

PAGE = """query ($first: Int!) { payouts(first: $first) { totalCount edges { node { payoutId
  party { partyId } shop { shopId settlement { balance { amount } } contract { contractId } payoutTool { payoutToolId } }
  payoutTool { payoutToolId } delivery { status attempts { number } }
  cashFlow { source { account { kind } } destination { account { kind } } amount { amount } } } } } }"""
WAYS = ("fetch", "fetchrow", "fetchval", "execute")


@pytest.fixture
def asked(monkeypatch):
    """What PostgreSQL is asked from now on."""
    statements = []
    for way in WAYS:
        plain = getattr(database.Connection, way)

        def noted(self, query, *args, plain=plain, **more):
            statements.append(query)
            return plain(self, query, *args, **more)

        monkeypatch.setattr(database.Connection, way, noted, raising=False)
    return statements


@pytest.mark.parametrize("who", ["operator", "merchant"])
async def test_given_fifty_payouts_when_a_page_of_them_is_read_whole_then_it_costs_what_a_page_of_two_costs(
    make, asked, who
):
    party = (await shop(make, earned="5000.00")).party_code
    shops = [await shop(make, party=party) for _ in range(5)]
    for n in range(50):
        made = await paid_out(make, shops[n % 5], "10.00")
        if n % 2:
            await payouts.confirm(made.payout_id, by=make.operator.viewer)
    by = make.operator if who == "operator" else merchant(shops[0])
    costs = {}
    for first in (2, 50):
        asked.clear()
        page = await make.ask(PAGE, by=by, first=first)
        costs[first] = list(asked)
        assert (page["totalCount"], len(page["edges"])) == (50, first)
    nodes = [edge["node"] for edge in page["edges"]]
    assert len({node["shop"]["shopId"] for node in nodes}) == 5
    assert all(node["cashFlow"][0]["source"]["account"] == {"kind": "shop.settlement"} for node in nodes)
    assert {(node["delivery"] or {}).get("status") for node in nodes} == {"QUEUED", None}
    assert len(costs[50]) == len(costs[2]), costs
    assert len(costs[50]) == (9 if who == "operator" else 8)  # attempts are for staff
