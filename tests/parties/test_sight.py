"""Who sees which parties, shops, contracts, tools, terms and institutions, and what of them. [spec/payouts §2.4; api.md]"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from models.kernel.viewer import Role
from schema.node import global_id
from tests.feed.conftest import placed, relay
from tests.make import Asker
from tests.parties.asking import BANK_INPUT, bring, built
from tests.payouts.shops import CANCEL, CREATE, READ

__all__ = ["relay"]


def merchant(party=None, *shops):
    claims = {"party": party} if party else {}
    return Asker.of(Role.MERCHANT, f"merchant-{party}", **claims, **({"shops": list(shops)} if shops else {}))


MINE, THEIRS, NARROW, NOWHERE = merchant("p"), merchant("q"), merchant("p", "s"), merchant("none")
ASKERS = {
    "mine": MINE,
    "narrow": NARROW,
    "theirs": THEIRS,
    "nowhere": NOWHERE,
    "lost": merchant(),
    "other shop": merchant("p", "none"),
    "operator": Asker.of(Role.OPERATOR),
    "auditor": Asker.of(Role.AUDITOR),
    "user": Asker.of(Role.USER, person=1),
    "service": Asker.of(Role.SERVICE),
    "channel": Asker.of(Role.CHANNEL),
}
STAFF, OUTSIDE = ["operator", "auditor"], ["user", "service", "channel"]
every_asker = pytest.mark.parametrize("asker", ASKERS)


@dataclass(frozen=True)
class World:
    """Party p has shop s under contract c and shop z under contract d; party q has a shop s under a contract c, too."""

    ids: dict[str, str]
    payouts: dict[str, str]


@pytest.fixture
async def world(make):
    answers = await built(make)
    await bring(make, "upsertParty", partyId="q", name="Party q")
    for party, contract, tool, shop in (("p", "d", "second", "z"), ("q", "c", "own", "s")):
        where = {"partyId": party, "contractId": contract}
        answers[f"{party}/{contract}"] = await bring(make, "upsertContract", **where)
        answers[f"{party}/{tool}"] = await bring(make, "upsertPayoutTool", **where, payoutToolId=tool)
        answers[f"{party}/{shop}"] = await bring(make, "upsertShop", **where, payoutToolId=tool, shopId=shop)
    answers["q"] = await bring(make, "upsertParty", partyId="q", name="Party q")
    ids = {NAMES.get(name, name): answer["id"] for name, answer in answers.items()}
    return World(ids, {shop: await paid_out(make, *shop.split("/")) for shop in ("p/s", "p/z", "q/s")})


NAMES = {
    "upsertParty": "p",
    "upsertShop": "p/shop s",
    "p/z": "p/shop z",
    "q/s": "q/shop s",
    "upsertContract": "p/c",
    "upsertPayoutTool": "p/own",
    "upsertPaymentInstitution": "house",
    "upsertTermSet": "t",
}
ALL = {
    "p", "p/shop s", "p/shop z", "p/c", "p/d", "p/own", "p/second", "q", "q/shop s", "q/c", "q/own", "house", "t",
}  # fmt: skip
OF_P = {name for name in ALL if name.startswith("p")}
SEEN = {
    "mine": OF_P,
    "narrow": OF_P - {"p/shop z", "p/d", "p/second"},
    "other shop": {"p"},
    "theirs": {name for name in ALL if name.startswith("q")},
    "operator": ALL,
    "auditor": ALL,
}
"""What each of them sees by its global id; the others see nothing."""
ADJUST = """mutation ($input: AdjustShopBalanceInput!) { adjustShopBalance(input: $input) { __typename } }"""


async def paid_out(make, party, shop):
    """A payout of 1.00 out of a shop that has earned 10.00."""
    where = {"partyId": party, "shopId": shop}
    earned = where | {"money": {"amount": "10.00", "currency": "RUB"}, "reason": "r"}
    await make.ask(ADJUST, by=make.operator, input=earned | {"idempotencyKey": f"earn {party}/{shop}"})
    asked = where | {"money": {"amount": "1.00", "currency": "RUB"}, "idempotencyKey": f"pay {party}/{shop}"}
    return (await make.ask(CREATE, by=make.operator, input=asked))["payoutId"]


async def answered(make, query, by, **variables):
    """The whole answer to the letter, but for the number of the request."""
    answer = await make.send(query, by=by, **variables)
    return answer.status_code, re.sub(r'"requestId":"[^"]*"', '"requestId":""', answer.text)


# --- by global id -----------------------------------------------------------------------------------------------------

NODE = "query ($id: ID!) { node(id: $id) { __typename id version } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
KINDS = ["Party", "Shop", "Contract", "PayoutTool", "PaymentInstitution", "TermSet"]


@every_asker
async def test_given_the_ids_of_everything_when_asked_then_what_is_ones_own(make, world, asker):
    names = sorted(world.ids)
    assert set(names) == ALL
    found = await make.ask(NODES, by=ASKERS[asker], ids=[world.ids[name] for name in names])
    seen = {name for name, node in zip(names, found, strict=True) if node}
    assert seen == SEEN.get(asker, set())
    assert all(node is None or node["id"] == world.ids[name] for name, node in zip(names, found, strict=True))


@every_asker
async def test_given_what_one_may_not_see_when_asked_by_id_then_it_is_as_if_it_were_not_there(make, world, asker):
    by = ASKERS[asker]
    unknown = {await answered(make, NODE, by, id=global_id(kind, 999_999_999)) for kind in KINDS}
    assert len(unknown) == 1
    assert '"code":"NOT_FOUND"' in next(iter(unknown))[1]
    for name in ALL - SEEN.get(asker, set()):
        assert {await answered(make, NODE, by, id=world.ids[name])} == unknown, name


# --- by plain id ------------------------------------------------------------------------------------------------------

PARTY = "query ($ref: PartyRef!) { party(ref: $ref) { partyId name shops { shopId } contracts { contractId } } }"
SHOP = "query ($party: String!, $shop: String!) { shop(partyId: $party, shopId: $shop) { partyId shopId } }"
PREVIEW = """query ($party: String!, $shop: String!) { previewCashFlow(
  partyId: $party, shopId: $shop, money: {amount: "1.00", currency: "RUB"}) { amount { amount } } }"""


@pytest.mark.parametrize("by_id", [True, False])
async def test_given_ones_own_party_when_asked_then_it_is_seen_with_all_that_belongs_to_it(make, world, by_id):
    ref = {"id": world.ids["p"]} if by_id else {"partyId": "p"}
    assert await make.ask(PARTY, by=MINE, ref=ref) == {
        "partyId": "p",
        "name": "Party p",
        "shops": [{"shopId": "s"}, {"shopId": "z"}],
        "contracts": [{"contractId": "c"}, {"contractId": "d"}],
    }


async def test_given_a_merchant_of_one_shop_when_asked_then_his_party_has_no_other(make, world):
    seen = await make.ask(PARTY, by=NARROW, ref={"partyId": "p"})
    assert (seen["shops"], seen["contracts"]) == ([{"shopId": "s"}], [{"contractId": "c"}])
    assert await make.ask(SHOP, by=NARROW, party="p", shop="s") == {"partyId": "p", "shopId": "s"}


@pytest.mark.parametrize("asker", ["mine", "narrow", "nowhere", "lost", "other shop"])
async def test_given_anothers_party_when_asked_then_it_is_as_if_it_were_not_there(make, world, asker):
    by = ASKERS[asker]
    unknown = await answered(make, PARTY, by, ref={"partyId": "unknown"})
    assert '"code":"PARTY_NOT_FOUND"' in unknown[1]
    for ref in ({"partyId": "q"}, {"id": world.ids["q"]}, {"id": global_id("Party", 999_999_999)}):
        assert await answered(make, PARTY, by, ref=ref) == unknown
    for query in (SHOP, PREVIEW):
        unknown = await answered(make, query, by, party="unknown", shop="s")
        assert '"code":"PARTY_NOT_FOUND"' in unknown[1]
        assert await answered(make, query, by, party="q", shop="s") == unknown


@pytest.mark.parametrize("query", [SHOP, PREVIEW])
async def test_given_a_merchant_of_one_shop_when_another_is_asked_then_it_is_as_if_it_were_not_there(
    make, world, query
):
    unknown = await answered(make, query, NARROW, party="p", shop="unknown")
    assert '"code":"SHOP_NOT_FOUND"' in unknown[1]
    assert await answered(make, query, NARROW, party="p", shop="z") == unknown
    assert '"errors"' not in (await answered(make, query, NARROW, party="p", shop="s"))[1]


@pytest.mark.parametrize(
    ("asker", "seen"),
    [("mine", {"p/s", "p/z"}), ("narrow", {"p/s"}), ("theirs", {"q/s"}), ("nowhere", set())],
)
async def test_given_shops_of_others_when_paid_out_of_then_they_are_as_if_they_were_not_there(
    make, world, nothing_written, asker, seen
):
    by = ASKERS[asker]

    async def paying(party, shop, key):
        money = {"amount": "1.00", "currency": "RUB"}
        asked = {"partyId": party, "shopId": shop, "money": money, "idempotencyKey": key}
        return await answered(make, CREATE, by, input=asked)

    for place in seen:
        assert '"status":"UNPAID"' in (await paying(*place.split("/"), f"again {place}"))[1]
    async with nothing_written():
        no_party = await paying("unknown", "s", "k1")
        assert '"code":"PARTY_NOT_FOUND"' in no_party[1]
        own = next((place[0] for place in seen), None)
        for place in {"p/s", "p/z", "q/s"} - seen:
            told = await paying(*place.split("/"), f"k {place}")
            assert told == (await paying(own, "unknown", "k2") if place[0] == own else no_party)


@pytest.mark.parametrize(("asker", "hidden"), [("mine", ["q/s"]), ("narrow", ["q/s", "p/z"]), ("theirs", ["p/s"])])
@pytest.mark.parametrize("query", [READ, CANCEL])
async def test_given_payouts_of_others_when_asked_then_they_are_as_if_they_were_not_there(
    make, world, nothing_written, asker, hidden, query
):
    by = ASKERS[asker]
    async with nothing_written():
        unknown = await answered(make, query, by, id="unknown")
        assert '"code":"PAYOUT_NOT_FOUND"' in unknown[1]
        for shop in hidden:
            assert await answered(make, query, by, id=world.payouts[shop]) == unknown


# --- in lists and counts ----------------------------------------------------------------------------------------------

PARTIES = "{ parties { totalCount edges { node { partyId shops { shopId } } } } }"
PAYOUTS = "{ payouts { totalCount edges { node { payoutId } } } }"
ACCOUNTS = "{ ledgerAccounts { totalCount edges { node { owner } } } }"
P, Q = {"partyId": "p", "shops": [{"shopId": "s"}, {"shopId": "z"}]}, {"partyId": "q", "shops": [{"shopId": "s"}]}
LISTED = {
    "mine": ([P], {"p/s", "p/z"}),
    "narrow": ([P | {"shops": [{"shopId": "s"}]}], {"p/s"}),
    "other shop": ([P | {"shops": []}], set()),
    "theirs": ([Q], {"q/s"}),
    "nowhere": ([], set()),
    "lost": ([], set()),
    "operator": ([P, Q], {"p/s", "p/z", "q/s"}),
    "auditor": ([P, Q], {"p/s", "p/z", "q/s"}),
}


@pytest.mark.parametrize("asker", LISTED)
async def test_given_everything_when_it_is_listed_then_what_is_ones_own_is_counted(make, world, asker):
    parties, shops = LISTED[asker]
    listed = await make.ask(PARTIES, by=ASKERS[asker])
    assert [edge["node"] for edge in listed["edges"]] == parties
    assert listed["totalCount"] == len(parties)
    payouts = await make.ask(PAYOUTS, by=ASKERS[asker])
    assert {edge["node"]["payoutId"] for edge in payouts["edges"]} == {world.payouts[shop] for shop in shops}
    assert payouts["totalCount"] == len(shops)
    accounts = await make.ask(ACCOUNTS, by=ASKERS[asker])
    owners = [edge["node"]["owner"] for edge in accounts["edges"]]
    assert {owner for owner in owners if owner.startswith("shop:")} == {f"shop:{shop}" for shop in shops}
    if asker not in STAFF:
        assert (accounts["totalCount"], len(owners)) == (3 * len(shops), 3 * len(shops))


@pytest.mark.parametrize("asker", ["mine", "narrow", "theirs"])
async def test_given_a_blocked_party_when_the_blocked_are_listed_then_nobody_sees_anothers(make, world, asker):
    block = 'mutation { blockParty(input: {partyId: "q", reason: "r"}) { __typename } }'
    assert await make.ask(block, by=make.operator) == {"__typename": "Party"}
    listed = await make.ask("{ parties(filter: {blocked: true}) { totalCount } }", by=ASKERS[asker])
    assert listed == {"totalCount": 1 if asker == "theirs" else 0}


@pytest.mark.parametrize("field", ["termSets", "paymentInstitutions"])
@every_asker
async def test_given_terms_and_institutions_when_listed_then_staff_alone_see_them(make, world, asker, field):
    query = f"{{ {field} {{ totalCount edges {{ node {{ id }} }} }} }}"
    if asker not in STAFF:
        assert await make.error(query, by=ASKERS[asker]) == {"code": "FORBIDDEN", "status": 403}
        return
    id = world.ids["t" if field == "termSets" else "house"]
    assert await make.ask(query, by=ASKERS[asker]) == {"totalCount": 1, "edges": [{"node": {"id": id}}]}


@pytest.mark.parametrize("asker", OUTSIDE)
async def test_given_other_roles_when_they_ask_then_it_is_closed_to_them_whatever_there_is(make, world, asker):
    by = ASKERS[asker]
    for party in ("p", "unknown"):
        for query, variables in (
            (PARTY, {"ref": {"partyId": party}}),
            (SHOP, {"party": party, "shop": "s"}),
            (PREVIEW, {"party": party, "shop": "s"}),
            (PARTIES, {}),
            (PAYOUTS, {}),
        ):
            assert await make.error(query, by=by, **variables) == {"code": "FORBIDDEN", "status": 403}
    owners = [edge["node"]["owner"] for edge in (await make.ask(ACCOUNTS, by=by))["edges"]]
    assert not [owner for owner in owners if owner.startswith("shop:")]


@pytest.mark.parametrize("query", [PARTIES, PAYOUTS, '{ shop(partyId: "p", shopId: "s") { id } }'])
async def test_given_nobody_when_asked_then_unauthenticated(make, world, query):
    assert await make.error(query, by=None) == {"code": "UNAUTHENTICATED", "status": 401}


# --- what of it -------------------------------------------------------------------------------------------------------

WHOLE = """{ shop(partyId: "p", shopId: "s") {
  party { partyId } settlement { name own { amount } minAvailable { amount } } guarantee { name } payout { name }
  payoutTool { destination { account bankName bankPostAccount bankBik } }
  contract { contractId payoutTools { payoutToolId } paymentInstitution { paymentInstitutionId }
    terms { termSetId } adjustments { adjustmentId terms { termSetId } } } } }"""
OPENLY = {
    "party": {"partyId": "p"},
    "settlement": {"name": "shop:p/s:settlement", "own": {"amount": "10.00"}, "minAvailable": {"amount": "9.00"}},
    "guarantee": {"name": "shop:p/s:guarantee"},
    "payout": {"name": "shop:p/s:payout"},
    "payoutTool": {"destination": BANK_INPUT},
}


@pytest.mark.parametrize("asker", ["mine", "narrow", *STAFF])
async def test_given_a_shop_when_it_is_read_whole_then_its_terms_are_for_staff_alone(make, world, asker):
    staff = asker in STAFF
    terms = {"termSetId": "t"} if staff else None
    contract = {
        "contractId": "c",
        "payoutTools": [{"payoutToolId": "own"}],
        "paymentInstitution": {"paymentInstitutionId": "house"} if staff else None,
        "terms": terms,
        "adjustments": [{"adjustmentId": "a", "terms": terms}],
    }
    assert await make.ask(WHOLE, by=ASKERS[asker]) == OPENLY | {"contract": contract}


@pytest.mark.parametrize(
    ("asker", "why"), [("mine", "FORBIDDEN"), ("narrow", "FORBIDDEN"), ("auditor", "FORBIDDEN"), ("operator", None)]
)
async def test_given_what_operators_do_when_it_is_asked_who_may_then_nobody_else(make, world, asker, why):
    actions = "allowedActions { name allowed why }"
    query = f'{{ party(ref: {{partyId: "p"}}) {{ {actions} contracts {{ {actions} payoutTools {{ {actions} }} }} }} }}'
    seen = await make.ask(query, by=ASKERS[asker])
    contract = seen["contracts"][0]
    offered = {one["name"]: one for one in (*seen["allowedActions"], *contract["allowedActions"])}
    offered |= {f"tool {one['name']}": one for one in contract["payoutTools"][0]["allowedActions"]}
    names = ("block", "change", "terminate", "tool change")
    assert [(offered[name]["allowed"], offered[name]["why"]) for name in names] == [(why is None, why)] * 4


TIMELINE = """query ($id: ID!) { node(id: $id) { timeline {
  totalCount edges { node { name actor actorSubject facts } } } } }"""


@pytest.mark.parametrize(
    ("asker", "name", "count"),
    [
        ("operator", "p/shop s", 2),
        ("auditor", "p/shop s", 2),
        ("mine", "p/shop s", 2),
        ("narrow", "p/shop s", 2),
        ("mine", "p", 1),
        ("mine", "p/c", 1),
        ("mine", "p/own", 1),
        ("operator", "house", 1),
        ("operator", "t", 1),
    ],
)
async def test_given_a_timeline_when_it_is_read_then_who_did_it_and_why_is_for_staff(
    make, world, relay, asker, name, count
):
    await placed()
    seen = (await make.ask(TIMELINE, by=ASKERS[asker], id=world.ids[name]))["timeline"]
    told = [edge["node"] for edge in seen["edges"]]
    assert (seen["totalCount"], [one["name"] for one in told]) == (count, ["open", "adjust"][:count])
    staff = asker in STAFF
    assert {one["actorSubject"] for one in told} == ({"operator"} if staff else {None})
    assert [bool(one["facts"]) for one in told] == [staff and one["name"] == "adjust" for one in told]
