"""Every role at every root field: each is let in where the table says. [design/api §2]"""

from __future__ import annotations

import pytest

from models.inbox import operations as inbox
from models.kernel.viewer import Role, Viewer
from server.graphql.schema import schema
from tests.disputes.filed import filed
from tests.make import Asker
from tests.payments import paid
from tests.payouts.shops import paid_out, shop

EVERYBODY = frozenset(Role) - {Role.SYSTEM}
STAFF, SEES_PEOPLE = {Role.OPERATOR, Role.AUDITOR}, {Role.OPERATOR, Role.AUDITOR, Role.SERVICE, Role.USER}
HOLD = (
    '{planId: "%s", batch: {id: "1", postings: [{source: "$A", target: "$B", money: {amount: "1", currency: "EUR"}}]}}'
)
DONE = '{planId: "%s", batches: [{id: "1", postings: [{source: "$A", target: "$B", money: {amount: "1", currency: "EUR"}}]}]}'
DEAL = """{customer: {number: $P}, performer: {number: $Q}, title: "t", description: "d", idempotencyKey: "k",
  price: {amount: "1", currency: "EUR"}}"""
ADJUST = '{person: {number: $P}, money: {amount: "1", currency: "EUR"}, reason: "r", idempotencyKey: "k"}'
TOLD = '{topic: "person.named", eventId: "e", payload: {externalId: "told", name: "N"}}'
# root field: (how it is asked, who is let in, what the others are told)
PAY = '{gateway: "usdt", money: {amount: "5", currency: "USDT"}, person: {number: $P}, idempotencyKey: "k"}'
LIMITS = '[{least: {amount: "1", currency: "EUR"}, most: {amount: "2", currency: "EUR"}}]'
OFFER = f'{{gatewayCode: "c", name: "n", service: "s", limits: {LIMITS}}}'
SHOP = '{partyId: "$M", shopId: "new", name: "N", currency: "RUB", category: 1, contractId: "c"}'
TOOL = """{partyId: "$M", contractId: "c", payoutToolId: "new", currency: "RUB", details: {wallet: {walletId: "w"}}}"""
EARN = """{partyId: "$M", shopId: "$S", money: {amount: "1", currency: "RUB"}, reason: "r", idempotencyKey: "k"}"""
FIELDS = {
    "viewer": ("{ viewer { subject } }", EVERYBODY, None),
    "node": ('{ node(id: "$N") { id } }', SEES_PEOPLE, "NOT_FOUND"),
    "nodes": ('{ nodes(ids: ["$N"]) { id } }', EVERYBODY, None),
    "person": ("{ person(ref: {number: $P}) { name } }", SEES_PEOPLE, "PERSON_NOT_FOUND"),
    "balance": ("{ balance(person: {number: $P}) { currency } }", SEES_PEOPLE, "PERSON_NOT_FOUND"),
    "corrections": ("{ corrections(person: {number: $P}) { totalCount } }", SEES_PEOPLE, "PERSON_NOT_FOUND"),
    "deal": ("{ deal(ref: {number: $Z}) { status } }", STAFF, "DEAL_NOT_FOUND"),
    "deals": ("{ deals { totalCount } }", EVERYBODY, None),
    "ledgerAccount": ('{ ledgerAccount(id: "$H") { name } }', STAFF, "ACCOUNT_NOT_FOUND"),
    "ledgerAccounts": ("{ ledgerAccounts { totalCount } }", EVERYBODY, None),
    "ledgerPlan": ('{ ledgerPlan(id: "$L") { state } }', {*STAFF, Role.SERVICE}, "PLAN_NOT_FOUND"),
    "ledgerBalance": ('{ ledgerBalance(account: "$A") { amount } }', {*STAFF, Role.SERVICE}, "ACCOUNT_NOT_FOUND"),
    "ledgerBalanceDiff": (
        '{ ledgerBalanceDiff(account: "$H", from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z") { amount } }',
        STAFF,
        "ACCOUNT_NOT_FOUND",
    ),
    "ledgerTransfers": ('{ ledgerTransfers(subject: "person:$P") { totalCount } }', EVERYBODY, None),
    "head": ("{ head }", EVERYBODY, None),
    "events": ("{ events { totalCount } }", STAFF, "FORBIDDEN"),
    "audit": ("{ audit { clean } }", STAFF, "FORBIDDEN"),
    "jobs": ("{ jobs { name } }", STAFF, "FORBIDDEN"),
    "jobRun": ('{ jobRun(id: "$R") { status } }', STAFF, "FORBIDDEN"),
    "createLedgerAccount": ('{currency: "EUR", idempotencyKey: "k"}', {Role.SERVICE}, "FORBIDDEN"),
    "createDeal": (DEAL, {Role.USER, Role.SERVICE}, "FORBIDDEN"),
    "confirmDeal": ("{deal: {number: $Z}}", {Role.USER}, "FORBIDDEN"),
    "denyDeal": ("{deal: {number: $Z}}", {Role.USER}, "FORBIDDEN"),
    "cancelDeal": ("{deal: {number: $Z}}", {Role.USER}, "FORBIDDEN"),
    "closeDeal": ("{deal: {number: $Z}}", {Role.USER, Role.OPERATOR}, "FORBIDDEN"),
    "openDealDispute": ('{deal: {number: $Z}, title: "t", description: "d"}', {Role.USER}, "FORBIDDEN"),
    "closeDealDispute": ("{deal: {number: $Z}, inFavourOf: CUSTOMER}", {Role.OPERATOR}, "FORBIDDEN"),
    "holdPlan": (HOLD % "new", {Role.SERVICE}, "FORBIDDEN"),
    "commitPlan": (DONE % "one", {Role.SERVICE}, "FORBIDDEN"),
    "rollbackPlan": (DONE % "two", {Role.SERVICE}, "FORBIDDEN"),
    "upsertPerson": ('{externalId: "new", name: "N"}', {Role.OPERATOR, Role.SERVICE}, "FORBIDDEN"),
    "adjustBalance": (ADJUST, {Role.OPERATOR}, "FORBIDDEN"),
    "runJob": ("{name: PRUNE}", {Role.OPERATOR}, "FORBIDDEN"),
    "paymentGateways": ("{ paymentGateways { name } }", EVERYBODY, None),
    "payment": ("{ payment(ref: {number: $Y}) { status } }", STAFF, "PAYMENT_NOT_FOUND"),
    "payments": ("{ payments { totalCount } }", EVERYBODY, None),
    "unmatchedDeposits": ("{ unmatchedDeposits { totalCount } }", STAFF, "FORBIDDEN"),
    "sweeps": ("{ sweeps { totalCount } }", STAFF, "FORBIDDEN"),
    "proofOfReserves": ('{ proofOfReserves(currency: "USDT") { covered } }', STAFF, "FORBIDDEN"),
    "createPayment": (PAY, {Role.USER, Role.SERVICE, Role.OPERATOR}, "FORBIDDEN"),
    "recheckPayment": ("{payment: {number: $Y}}", {Role.OPERATOR}, "FORBIDDEN"),
    "failPayment": ('{payment: {number: $Y}, reason: "r"}', {Role.OPERATOR}, "FORBIDDEN"),
    "matchDeposit": ('{deposit: "x", payment: {number: $Y}}', {Role.OPERATOR}, "FORBIDDEN"),
    "upsertPaymentGateway": (OFFER, {Role.OPERATOR}, "FORBIDDEN"),
    "party": ('{ party(ref: {partyId: "$M"}) { name } }', {*STAFF, Role.MERCHANT}, "FORBIDDEN"),
    "parties": ("{ parties { totalCount } }", {*STAFF, Role.MERCHANT}, "FORBIDDEN"),
    "shop": ('{ shop(partyId: "$M", shopId: "$S") { name } }', {*STAFF, Role.MERCHANT}, "FORBIDDEN"),
    "termSets": ("{ termSets { totalCount } }", STAFF, "FORBIDDEN"),
    "paymentInstitutions": ("{ paymentInstitutions { totalCount } }", STAFF, "FORBIDDEN"),
    "upsertParty": ('{partyId: "new", name: "N"}', {Role.OPERATOR}, "FORBIDDEN"),
    "blockParty": ('{partyId: "$M", reason: "r"}', {Role.OPERATOR}, "FORBIDDEN"),
    "unblockParty": ('{partyId: "$M", reason: "r"}', {Role.OPERATOR}, "FORBIDDEN"),
    "upsertShop": (SHOP, {Role.OPERATOR}, "FORBIDDEN"),
    "blockShop": ('{partyId: "$M", shopId: "$S", reason: "r"}', {Role.OPERATOR}, "FORBIDDEN"),
    "unblockShop": ('{partyId: "$M", shopId: "$S", reason: "r"}', {Role.OPERATOR}, "FORBIDDEN"),
    "adjustShopBalance": (EARN, {Role.OPERATOR}, "FORBIDDEN"),
    "upsertContract": (
        '{partyId: "$M", contractId: "new", paymentInstitutionId: "house", termSetId: "t"}',
        {Role.OPERATOR},
        "FORBIDDEN",
    ),
    "upsertPayoutTool": (TOOL, {Role.OPERATOR}, "FORBIDDEN"),
    "upsertPaymentInstitution": (
        '{paymentInstitutionId: "new", name: "N", accounts: [{currency: "EUR"}]}',
        {Role.OPERATOR},
        "FORBIDDEN",
    ),
    "upsertTermSet": ('{termSetId: "new", name: "N", timed: []}', {Role.OPERATOR}, "FORBIDDEN"),
    "payout": ('{ payout(ref: {payoutId: "$O"}) { status } }', {*STAFF, Role.MERCHANT}, "FORBIDDEN"),
    "payouts": ("{ payouts { totalCount } }", {*STAFF, Role.MERCHANT}, "FORBIDDEN"),
    "payoutSchedules": ("{ payoutSchedules { totalCount } }", {*STAFF, Role.MERCHANT}, "FORBIDDEN"),
    "previewCashFlow": (
        '{ previewCashFlow(partyId: "$M", shopId: "$S", money: {amount: "1", currency: "RUB"}) { fee { amount } } }',
        {*STAFF, Role.MERCHANT},
        "FORBIDDEN",
    ),
    "createPayout": (
        '{partyId: "$M", shopId: "$S", money: {amount: "1", currency: "RUB"}, idempotencyKey: "k"}',
        {Role.MERCHANT, Role.OPERATOR},
        "FORBIDDEN",
    ),
    "confirmPayout": ('{payout: {payoutId: "$O"}}', {Role.OPERATOR}, "FORBIDDEN"),
    "cancelPayout": ('{payout: {payoutId: "$O"}, details: "d"}', {Role.MERCHANT, Role.OPERATOR}, "FORBIDDEN"),
    "recheckDelivery": ('{payout: {payoutId: "$O"}}', {Role.OPERATOR}, "FORBIDDEN"),
    "resolveDelivery": ('{payout: {payoutId: "$O"}, arrived: true, word: "w"}', {Role.OPERATOR}, "FORBIDDEN"),
    "setPayoutSchedule": (
        '{partyId: "$M", shopId: "$S", cron: "0 6 * * *", least: {amount: "1", currency: "RUB"}}',
        {Role.OPERATOR},
        "FORBIDDEN",
    ),
    "dispute": ('{ dispute(ref: {disputeId: "$W"}) { publicStatus } }', {*STAFF, Role.MERCHANT}, "FORBIDDEN"),
    "disputes": ("{ disputes { totalCount } }", {*STAFF, Role.MERCHANT}, "FORBIDDEN"),
    "disputeCounts": ("{ disputeCounts { count } }", {*STAFF, Role.MERCHANT}, "FORBIDDEN"),
    "createDispute": (
        '{invoiceId: "i", paymentId: "p", attachments: [], idempotencyKey: "k"}',
        {Role.MERCHANT, Role.OPERATOR},
        "FORBIDDEN",
    ),
    "addDisputeEvidence": (
        '{dispute: {disputeId: "$W"}, attachments: []}',
        {Role.MERCHANT, Role.OPERATOR},
        "FORBIDDEN",
    ),
    "commentDispute": ('{dispute: {disputeId: "$W"}, text: "t"}', {Role.MERCHANT, Role.OPERATOR}, "FORBIDDEN"),
    "approveDisputes": (
        '{items: [{dispute: {disputeId: "$W"}, skipProviderCheck: true}]}',
        {Role.OPERATOR},
        "FORBIDDEN",
    ),
    "cancelDisputes": ('{items: [{dispute: {disputeId: "$W"}}]}', {Role.OPERATOR}, "FORBIDDEN"),
    "bindDisputes": ('{items: [{dispute: {disputeId: "$W"}, providerDisputeId: "x"}]}', {Role.OPERATOR}, "FORBIDDEN"),
    "resumeDisputes": ('{items: [{dispute: {disputeId: "$W"}}]}', {Role.OPERATOR}, "FORBIDDEN"),
    "updateDisputeMessages": (
        '{items: [{dispute: {disputeId: "$W"}, providerMessage: "m"}]}',
        {Role.OPERATOR},
        "FORBIDDEN",
    ),
    "resendDisputeNotification": ('{dispute: {disputeId: "$W"}}', {Role.OPERATOR}, "FORBIDDEN"),
    "providerPaymentCallback": ('{invoiceId: "i", paymentId: "p"}', {Role.SERVICE, Role.OPERATOR}, "FORBIDDEN"),
    "deadLetters": ("{ deadLetters { totalCount } }", STAFF, "FORBIDDEN"),
    "ingestEvent": (TOLD, {Role.SERVICE}, "FORBIDDEN"),
    "redriveDeadLetters": ('{ids: ["$D"]}', {Role.OPERATOR}, "FORBIDDEN"),
    "discardDeadLetter": ('{id: "$D", reason: "r"}', {Role.OPERATOR}, "FORBIDDEN"),
}


def asked(field, names):
    text = FIELDS[field][0]
    if not text.startswith("{ "):
        text = f"mutation {{ {field}(input: {text}) {{ __typename }} }}"
    for name, value in names.items():
        text = text.replace(f"${name}", str(value))
    return text


def test_given_the_schema_when_a_root_field_is_added_then_the_table_above_says_for_whom():
    roots = (schema()._schema.query_type, schema()._schema.mutation_type)
    assert sorted(FIELDS) == sorted(name for root in roots for name in root.fields)


@pytest.fixture
async def names(make, api):
    """Something of everything: a person, a service's two accounts and two plans, a house account, a run."""
    person = await make.person("100 EUR")
    house = await api('{ ledgerAccounts(filter: {owner: "house"}) { edges { node { id } } } }', by=make.operator)
    deal = await make.deal()
    payment = await paid.asked(make)
    its = await shop(make)
    payout = await paid_out(make, its, "10.00")
    names = {
        "M": its.party_code,
        "S": its.code,
        "O": payout.payout_id,
        "W": (await filed(make.operator.viewer, party=its.party_code, shop=its.code)).dispute_id,
        "Y": payment.id,
        "P": person.id,
        "Q": deal.performer_id,
        "Z": deal.id,
        "H": house["edges"][0]["node"]["id"],
    }
    names["N"] = (await api(f"{{ person(ref: {{number: {person.id}}}) {{ id }} }}", by=make.operator))["id"]
    opening = 'mutation { createLedgerAccount(input: {currency: "EUR", idempotencyKey: "%s"}) { ... on Node { id } } }'
    for name in "AB":
        names[name] = (await api(opening % name, by=make.service))["id"]
    for plan in ("one", "two"):
        held = asked("holdPlan", names).replace('"new"', f'"{plan}"').replace("__typename", "... on Node { id }")
        names["L"] = (await api(held, by=make.service))["id"]
    await inbox.bury("queue:test", "message", "no call", "a test", by=Viewer.system("queue"))
    names["D"] = (await api("{ deadLetters { edges { node { id } } } }", by=make.operator))["edges"][0]["node"]["id"]
    names["R"] = (await api("mutation { runJob(input: {name: PRUNE}) { ... on Node { id } } }", by=make.operator))["id"]
    return names


@pytest.mark.parametrize("role", sorted(EVERYBODY))
async def test_given_a_role_when_it_asks_every_root_field_then_the_table_says_who_is_let_in(
    make, names, nothing_written, role
):
    claims = {Role.USER: {"person": names["P"]}, Role.MERCHANT: {"party": names["M"]}}
    asker = Asker.of(role, **claims.get(role, {}))

    async def told(field):
        answer = (await make.send(asked(field, names), by=asker)).json()
        return [error["extensions"]["code"] for error in answer.get("errors", [])] or list(answer["data"])

    closed = {field: [code] for field, (_, roles, code) in FIELDS.items() if role not in roles}
    async with nothing_written():
        assert {field: await told(field) for field in closed} == closed
    opened = {field: [field] for field in FIELDS if field not in closed}
    assert {field: await told(field) for field in opened} == opened
