"""What is hidden, probed by every way to it: by ids of every noun, by what hangs on what is seen, by filters, in the ledger, and at
random. Who sees which is tested in `test_sight`. [house law 10; design/api §2]"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role
from models.parties.reads import ShopRecord
from models.payouts import operations as payouts
from tests.make import Asker
from tests.payouts.shops import CANCEL, asked, earn, merchant, paid_out, rub, shop
from tests.people.test_bad_input import ID, global_id

NOBODY = 9_000_000
NOUNS = {"Party": "party", "Shop": "shop", "Contract": "contract", "PayoutTool": "payout_tool", "Payout": "payout",
         "PaymentInstitution": "payment_institution", "TermSet": "term_set", "PayoutSchedule": "payout_schedule",
         "LedgerAccount": "ledger_account"}  # fmt: skip


@dataclass
class World:
    """Party P has two shops and Q has one; each shop has a payout that is held, one that is confirmed, and a schedule."""

    first: ShopRecord
    beside: ShopRecord
    other: ShopRecord

    @property
    def shops(self):
        return [self.first, self.beside, self.other]

    def payouts(self, *shops):
        return [f"{kind}-{its.code}" for its in shops for kind in ("held", "confirmed")]


@pytest.fixture
async def world(make) -> World:
    first = await shop(make)
    made = World(first, await shop(make, party=first.party_code), await shop(make))
    for its in made.shops:
        await paid_out(make, its, "100.00", payout_id=f"held-{its.code}")
        await paid_out(make, its, "200.00", payout_id=f"confirmed-{its.code}")
        await payouts.confirm(f"confirmed-{its.code}", by=make.operator.viewer)
        planned = payouts.Planned("0 6 * * *", "UTC", rub("1.00"))
        await payouts.set_schedule(its.party_code, its.code, planned, by=make.operator.viewer)
    return made


@dataclass
class Sees:
    """Somebody, and the shops of which he sees everything that is theirs."""

    asker: Asker
    shops: list[ShopRecord]


def those_who_see(make, world) -> dict[str, Sees]:
    both = [world.first, world.beside]
    return {
        "operator": Sees(make.operator, world.shops),
        "auditor": Sees(make.auditor, world.shops),
        "merchant": Sees(merchant(world.first), both),
        "restricted": Sees(merchant(world.first, shops=True), [world.first]),
        "other": Sees(merchant(world.other), [world.other]),
        "of a shop that is not": Sees(Asker.of(Role.MERCHANT, "m", party=world.first.party_code, shops=["none"]), []),
        "of another's shop": Sees(
            Asker.of(Role.MERCHANT, "m", party=world.first.party_code, shops=[world.other.code]), []
        ),
        "of no party": Sees(make.merchant, []),
        "of a party that is not": Sees(Asker.of(Role.MERCHANT, "m", party="nobody"), []),
        "of a party of almost that name": Sees(Asker.of(Role.MERCHANT, "m", party=world.first.party_code[:-1]), []),
        "of that party in capitals": Sees(Asker.of(Role.MERCHANT, "m", party=world.first.party_code.upper()), []),
    }


WHO = ["operator", "auditor", "merchant", "restricted", "other", "of a shop that is not", "of another's shop", "of no party",
       "of a party that is not", "of a party of almost that name", "of that party in capitals"]  # fmt: skip
PAYOUTS = """query ($filter: PayoutFilter) { payouts(filter: $filter, orderBy: OLDEST, first: 100) {
  totalCount edges { node { payoutId party { partyId shops { shopId } } shop { shopId contract { terms { id }
    paymentInstitution { id } payoutTools { payoutToolId } } settlement { owner } } payoutTool { payoutToolId }
    delivery { status lastError attempts { number } }
    cashFlow { source { account { owner } } destination { account { owner } } } } } } }"""
SCHEDULES = "{ payoutSchedules(first: 100) { totalCount edges { node { shopId shop { shopId } } } } }"
PARTIES = "{ parties(first: 100) { totalCount edges { node { partyId shops { shopId } contracts { contractId } } } } }"
ACCOUNTS = "{ ledgerAccounts(first: 100) { totalCount edges { node { owner kind } } } }"


# --- lists, counts and what hangs on them -----------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["merchant", "restricted", "other"])
async def test_given_a_merchant_when_he_looks_into_his_own_then_the_houses_side_is_not_shown(api, make, world, who):
    its = those_who_see(make, world)[who]
    owners = {f"shop:{one.party_code}/{one.code}" for one in its.shops}
    for edge in (await api(PAYOUTS, by=its.asker))["edges"]:
        node = edge["node"]
        assert [one["shopId"] for one in node["party"]["shops"]] == [one.code for one in its.shops]
        assert (node["shop"]["contract"]["terms"], node["shop"]["contract"]["paymentInstitution"]) == (None, None)
        assert node["shop"]["settlement"]["owner"] in owners
        assert [one["payoutToolId"] for one in node["shop"]["contract"]["payoutTools"]] == ["own"]
        first, second = node["cashFlow"]
        assert first["source"]["account"] == first["destination"]["account"] == second["source"]["account"]
        assert (first["source"]["account"]["owner"] in owners, second["destination"]["account"]) == (True, None)
        if node["delivery"]:
            assert node["delivery"] == {"status": "QUEUED", "lastError": None, "attempts": []}


@pytest.mark.parametrize("who", WHO)
async def test_given_a_viewer_when_he_filters_by_what_is_anothers_then_nothing_is_shown_or_counted(
    api, make, world, who
):
    its = those_who_see(make, world)[who]
    codes = {one.code for one in its.shops}
    for one in world.shops:
        mine = world.payouts(one) if one.code in codes else []
        for filter in (
            {"partyId": one.party_code, "shopId": one.code},
            {"shopId": one.code},
            {"payoutIds": world.payouts(one)},
            {"shopId": one.code, "status": None, "currency": "RUB", "needsAttention": False},
        ):
            page = await api(PAYOUTS, by=its.asker, filter=filter)
            assert ([edge["node"]["payoutId"] for edge in page["edges"]], page["totalCount"]) == (mine, len(mine))


# --- one by one: what is hidden looks like what is not ------------------------------------------------------------------


def by_global_id(noun, hidden):
    pair = [global_id(noun, hidden), global_id(noun, NOBODY)]
    for query in (
        "query ($id: ID!) { node(id: $id) { __typename id version timeline { totalCount } } }",
        "query ($id: ID!) { nodes(ids: [$id, $id]) { __typename id } }",
    ):
        yield query, [{"id": one} for one in pair]


async def looks_alike(make, asker, query, variables, *, code=None):
    texts = [(await make.send(query, by=asker, headers=ID, **one)).text for one in variables]
    assert len(set(texts)) == 1, (query, variables, texts)
    assert code is None or f'"code":"{code}"' in texts[0], (query, texts[0])


async def hidden_rows(world, asker):
    """Of each noun, the numbers of rows that this asker may not see: those of others' shops and of the house."""
    seen, party = asker.viewer.shops, asker.viewer.party

    def mine(row):
        return row["party_code"] == party and (not seen or row["code"] is None or row["code"] in seen)

    queries = {
        "Party": "SELECT id, code AS party_code, NULL AS code FROM party",
        "Shop": "SELECT id, party_code, code FROM shop",
        "Contract": "SELECT c.id, s.party_code, s.code FROM contract c JOIN shop s ON s.contract_id = c.id",
        "PayoutTool": "SELECT t.id, s.party_code, s.code FROM payout_tool t JOIN shop s USING (contract_id)",
        "Payout": "SELECT id, party_code, shop_code AS code FROM payout",
        "PayoutSchedule": "SELECT id, party_code, shop_code AS code FROM payout_schedule",
        "PaymentInstitution": "SELECT id, NULL AS party_code, NULL AS code FROM payment_institution",
        "TermSet": "SELECT id, NULL AS party_code, NULL AS code FROM term_set",
        "LedgerAccount": """SELECT id, split_part(split_part(owner, ':', 2), '/', 1) AS party_code,
                                   nullif(split_part(owner, '/', 2), '') AS code FROM ledger_account""",
    }
    return {noun: [row["id"] for row in await fetch(sql(query)) if not mine(row)] for noun, query in queries.items()}


MERCHANTS = ["merchant", "restricted", "other", "of another's shop", "of no party", "of that party in capitals"]


@pytest.mark.parametrize("who", MERCHANTS)
async def test_given_a_merchant_when_he_asks_for_what_is_hidden_by_its_global_id_then_it_looks_like_nothing(
    make, world, nothing_written, who
):
    asker = those_who_see(make, world)[who].asker
    hidden = await hidden_rows(world, asker)
    assert sum(map(len, hidden.values())) >= 15
    async with nothing_written():
        for noun, numbers in hidden.items():
            for number in numbers:
                for query, pair in by_global_id(noun, number):
                    await looks_alike(make, asker, query, pair)
                if noun == "LedgerAccount":
                    pair = [{"id": global_id(noun, one)} for one in (number, NOBODY)]
                    for field in ("ledgerAccount(id: $id) { id }", "ledgerBalance(account: $id) { amount }"):
                        await looks_alike(
                            make, asker, f"query ($id: ID!) {{ {field} }}", pair, code="ACCOUNT_NOT_FOUND"
                        )


SHOP_QUERIES = [
    "query ($p: String!, $s: String!) { shop(partyId: $p, shopId: $s) { name } }",
    """query ($p: String!, $s: String!) { previewCashFlow(partyId: $p, shopId: $s, money: {amount: "1", currency: "RUB"}) {
      amount { amount } } }""",
    """query ($p: String!, $s: String!) { previewCashFlow(partyId: $p, shopId: $s, money: {amount: "1", currency: "EUR"},
      payoutToolId: "none", at: "2020-01-01T00:00:00Z") { amount { amount } } }""",
    """mutation ($p: String!, $s: String!) { createPayout(input: {partyId: $p, shopId: $s, idempotencyKey: "k",
      money: {amount: "1", currency: "RUB"}}) { __typename ... on Refusal { code message } } }""",
    """mutation ($p: String!, $s: String!) { createPayout(input: {partyId: $p, shopId: $s, idempotencyKey: "k",
      money: {amount: "9999999", currency: "EUR"}, payoutToolId: "none", payoutId: "free"}) {
      __typename ... on Refusal { code message } } }""",
]


@pytest.mark.parametrize("who", MERCHANTS)
async def test_given_a_merchant_when_he_asks_for_what_is_hidden_by_its_plain_id_then_it_looks_like_nothing(
    make, world, nothing_written, who
):
    its = those_who_see(make, world)[who]
    own, asker = {one.code for one in its.shops}, its.asker
    async with nothing_written():
        for one in world.shops:
            if one.code in own:
                continue
            own_party = one.party_code == asker.viewer.party
            unknown = {"p": one.party_code if own_party else "none", "s": "none"}
            for query in SHOP_QUERIES:
                code = "SHOP_NOT_FOUND" if own_party else "PARTY_NOT_FOUND"
                variables = [{"p": one.party_code, "s": one.code}, unknown, unknown | {"s": one.code[:-1] + "'"}]
                await looks_alike(make, asker, query, variables, code=code)
            if not own_party:
                for ref, none in (({"partyId": one.party_code}, {"partyId": "none"}),
                                  ({"id": global_id("Party", one.party_id)}, {"id": global_id("Party", NOBODY)})):  # fmt: skip
                    query = "query ($ref: PartyRef!) { party(ref: $ref) { name } }"
                    await looks_alike(make, asker, query, [{"ref": ref}, {"ref": none}], code="PARTY_NOT_FOUND")
            for payout in world.payouts(one):
                (row,) = await fetch(sql("SELECT id FROM payout WHERE payout_id = {}", payout))
                refs = [{"payoutId": payout}, {"payoutId": "none"}, {"id": global_id("Payout", row["id"])},
                        {"id": global_id("Payout", NOBODY)}]  # fmt: skip
                for query in (
                    "query ($ref: PayoutRef!) { payout(ref: $ref) { status } }",
                    CANCEL.replace("$id: String!", "$ref: PayoutRef!").replace("{payoutId: $id}", "$ref"),
                ):
                    await looks_alike(make, asker, query, [{"ref": ref} for ref in refs], code="PAYOUT_NOT_FOUND")
                plan = global_id("LedgerPlan", f"house/payout_{payout}")
                variables = [{"id": plan}, {"id": global_id("LedgerPlan", "house/payout_none")}]
                for query in (
                    "query ($id: ID!) { ledgerPlan(id: $id) { state } }",
                    "query ($id: ID!) { node(id: $id) { id } }",
                ):
                    await looks_alike(make, asker, query, variables)
                subjects = [{"s": f"payout:{row['id']}"}, {"s": f"payout:{NOBODY}"}, {"s": f"shop:{one.id}"}]
                query = "query ($s: String!) { ledgerTransfers(subject: $s) { totalCount edges { cursor } } }"
                await looks_alike(make, asker, query, subjects)


async def test_given_a_merchant_when_he_reads_what_moved_for_his_own_then_it_is_shown_without_the_houses_side(
    api, make, world
):
    its = those_who_see(make, world)["restricted"]
    (row,) = await fetch(sql("SELECT id FROM payout WHERE payout_id = {}", f"confirmed-{world.first.code}"))
    query = """query ($s: String!) { ledgerTransfers(subject: $s) { totalCount edges { node {
      amount { amount } source { owner } target { owner } } } } }"""
    moved = await api(query, by=its.asker, s=f"payout:{row['id']}")
    own = {"owner": f"shop:{world.first.party_code}/{world.first.code}"}
    assert [edge["node"] for edge in moved["edges"]] == [
        {"amount": {"amount": "150.00"}, "source": own, "target": own},
        {"amount": {"amount": "50.00"}, "source": own, "target": None},
    ]
    assert moved["totalCount"] == 2


# --- at random ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["other", "restricted"])
async def test_given_thousands_of_ids_at_random_when_a_merchant_tries_them_then_his_own_and_nothing_else(
    api, make, world, who
):
    its, rng = those_who_see(make, world)[who], random.Random(7)
    hidden = await hidden_rows(world, its.asker)
    rows = {noun: await fetch(sql(f"SELECT id FROM {table}")) for noun, table in NOUNS.items()}
    right = {global_id(noun, row["id"]) for noun, of in rows.items() for row in of if row["id"] not in hidden[noun]}
    tops = {noun: max(row["id"] for row in of) + 3 for noun, of in rows.items()}
    tried, found = set(), set()
    for _ in range(40):
        nouns = rng.choices([*tops], k=100)
        ids = [global_id(noun, rng.randint(max(1, tops[noun] - 40), tops[noun])) for noun in nouns]
        told = await api("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", by=its.asker, ids=ids)
        tried |= set(ids)
        shown = {one["id"] for one in told if one}
        assert shown == right & set(ids)
        found |= shown
    assert found == right & tried
    assert len(found) > 8


async def test_given_everything_that_a_stranger_can_read_when_it_is_searched_then_there_is_no_trace_of_others(
    make, world
):
    """Whatever he asks: neither a name nor an account number of theirs comes back."""
    await earn(make, world.first, "7.77")
    theirs = [world.first.party_code, *(one.code for one in (world.first, world.beside)), "7.77"]
    stranger = merchant(world.other)
    texts = [(await make.send(query, by=stranger)).text for query in (PAYOUTS, SCHEDULES, PARTIES, ACCOUNTS)]
    texts += [
        (
            await make.send(
                "query ($s: String!) { ledgerTransfers(subject: $s) { edges { node { key } } } }", by=stranger, s=s
            )
        ).text
        for s in (f"shop:{world.first.id}", f"shop:{world.beside.id}")
    ]
    for word in theirs:
        assert not [text for text in texts if f'"{word}"' in text or f"/{word}" in text or f"-{word}" in text]
    query = "mutation ($input: CreatePayoutInput!) { createPayout(input: $input) { ... on Refusal { code message } } }"
    told = (await make.send(query, by=stranger, input=asked(world.first, "1.00"))).text
    assert not [word for word in theirs if word in told]
