"""Institutions, terms, parties, contracts, tools and shops: brought, repeated, changed, refused. [spec/payouts §2.4, §6]"""

from __future__ import annotations

import orjson
import pytest

from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role
from tests.make import Asker
from tests.parties.asking import (
    BANK_INPUT,
    CODES,
    NOUNS,
    OTHER_BANK,
    UPSERTS,
    bring,
    built,
    events_of,
    facts_of,
    paths,
    said,
)
from tests.payouts.shops import F1, F2, terms

every_noun = pytest.mark.parametrize("name", NOUNS)

# --- brought ----------------------------------------------------------------------------------------------------------

BROUGHT = {
    "upsertPaymentInstitution": {
        "paymentInstitutionId": "house",
        "name": "The house",
        "accounts": [
            {
                "currency": "EUR",
                "settlement": {"name": "system:house:settlement"},
                "subagent": {"name": "system:house:subagent"},
            },
            {"currency": "RUB", "settlement": {"name": "system:house:settlement"}, "subagent": None},
        ],
        "criteria": {"large": {"cost_in": {"lower": {"inclusive": {"amount": "100.00", "currency": "RUB"}}}}},
    },
    "upsertTermSet": {"termSetId": "t", "name": "Terms", "timed": terms(), "parent": None},
    "upsertParty": {"partyId": "p", "name": "Party p", "status": "ACTIVE", "suspended": False, "reason": None},
    "upsertContract": {
        "contractId": "c",
        "status": "ACTIVE",
        "validSince": None,
        "validUntil": None,
        "terms": {"termSetId": "t"},
        "paymentInstitution": {"paymentInstitutionId": "house"},
    },
    "upsertPayoutTool": {
        "payoutToolId": "own",
        "kind": "RUSSIAN_BANK_ACCOUNT",
        "currency": "RUB",
        "destination": {"kind": "RUSSIAN_BANK_ACCOUNT", "iban": None, "number": None, "bic": None, "walletId": None}
        | BANK_INPUT,
    },
    "upsertShop": {
        "shopId": "s",
        "partyId": "p",
        "name": "A shop",
        "location": "https://shop.example",
        "category": 1,
        "currency": "RUB",
        "status": "ACTIVE",
        "suspended": False,
        "reason": None,
        "contract": {"contractId": "c"},
        "payoutTool": {"payoutToolId": "own"},
        "settlement": {"name": "shop:p/s:settlement", "balance": {"amount": "0.00"}},
        "guarantee": {"name": "shop:p/s:guarantee", "balance": {"amount": "0.00"}},
        "payout": {"name": "shop:p/s:payout", "balance": {"amount": "0.00"}},
    },
}


@every_noun
async def test_given_what_it_rests_on_when_it_is_brought_then_it_is_there_with_one_event(make, name):
    await built(make, name)
    told = await bring(make, name)
    assert {field: told[field] for field in BROUGHT[name]} == BROUGHT[name]
    assert told["version"] == 0
    assert await events_of(name) == [("open", 0)]


async def test_given_an_adjustment_when_its_contract_is_brought_then_it_has_the_moment_of_that(make):
    await built(make, "upsertContract")
    (one,) = (await bring(make, "upsertContract"))["adjustments"]
    assert (one["adjustmentId"], one["validSince"], one["validUntil"]) == ("a", None, "2027-01-01T00:00:00Z")
    again = await bring(make, "upsertContract", validUntil="2030-01-01T00:00:00Z")
    assert (again["version"], again["adjustments"]) == (1, [one])


# --- repeated ---------------------------------------------------------------------------------------------------------


@every_noun
async def test_given_one_when_it_is_repeated_as_it_is_then_nothing_is_written(make, nothing_written, name):
    answers = await built(make)
    async with nothing_written():
        answer = (await make.send(UPSERTS[name], by=make.operator, input=said(name))).json()
    assert answer["data"] == {name: answers[name]}
    assert answer["extensions"]["replayed"] == [[name]]


@every_noun
async def test_given_a_key_when_it_is_used_again_then_the_same_answer_or_a_conflict(make, nothing_written, name):
    await built(make, name)
    first = await bring(make, name, idempotencyKey="k")
    async with nothing_written():
        assert await bring(make, name, idempotencyKey="k") == first
        other = await bring(make, name, idempotencyKey="k", **{CODES[name]: "other"})
    assert other["code"] == "IDEMPOTENCY_KEY_CONFLICT"


async def test_given_a_contract_when_its_moments_come_in_another_zone_then_nothing_is_written(make, nothing_written):
    await built(make)
    one = said("upsertContract")["adjustments"][0]
    first = await bring(make, "upsertContract", validSince="2026-01-01T00:00:00Z")
    async with nothing_written():
        again = [one | {"validUntil": "2027-01-01T03:00:00+03:00"}]
        told = await bring(make, "upsertContract", validSince="2025-12-31T19:00:00-05:00", adjustments=again)
    assert told == first


# --- changed ----------------------------------------------------------------------------------------------------------

BOTH = [{"currency": "RUB", "subagent": True}, {"currency": "EUR", "subagent": True}]
CHANGES = [
    ("upsertPaymentInstitution", {"name": "Another"}, {"name": "Another"}),
    ("upsertPaymentInstitution", {"criteria": {}}, {"criteria": {}}),
    ("upsertPaymentInstitution", {"accounts": BOTH}, {}),
    ("upsertTermSet", {"name": "Others"}, {"name": "Others"}),
    ("upsertTermSet", {"timed": terms(F1)}, {"timed": terms(F1)}),
    ("upsertTermSet", {"timed": []}, {"timed": []}),
    ("upsertParty", {"name": "Another"}, {"name": "Another"}),
    ("upsertParty", {"suspended": True}, {"suspended": True}),
    ("upsertContract", {"adjustments": []}, {"adjustments": []}),
    ("upsertContract", {"validSince": "2026-01-01T00:00:00Z"}, {"validSince": "2026-01-01T00:00:00Z"}),
    ("upsertPayoutTool", {"details": {"russianBankAccount": OTHER_BANK}}, {}),
    ("upsertShop", {"name": "Another"}, {"name": "Another"}),
    ("upsertShop", {"category": 7}, {"category": 7}),
    ("upsertShop", {"location": None}, {"location": None}),
    ("upsertShop", {"suspended": True}, {"suspended": True}),
    ("upsertShop", {"payoutToolId": None}, {"payoutTool": None}),
]


@pytest.mark.parametrize(("name", "change", "shown"), CHANGES)
async def test_given_one_when_it_is_changed_then_one_event_and_the_next_version(make, name, change, shown):
    before = (await built(make))[name]
    told = await bring(make, name, **change)
    assert (told["id"], told["version"]) == (before["id"], 1)
    assert {field: told[field] for field in shown} == shown
    unlike = {field for field in told if told[field] != before[field]}
    assert len(unlike) == 2  # its version, and what was changed
    assert await events_of(name) == [("open", 0), ("change", 1)]


async def test_given_accounts_in_one_currency_when_another_comes_then_the_first_stay(make):
    before = (await built(make))["upsertPaymentInstitution"]["accounts"]
    more = [*said("upsertPaymentInstitution")["accounts"], {"currency": "USD"}]
    told = await bring(make, "upsertPaymentInstitution", accounts=more)
    assert [one for one in told["accounts"] if one["currency"] != "USD"] == before
    assert [one["currency"] for one in told["accounts"]] == ["EUR", "RUB", "USD"]


async def test_given_a_subagent_when_it_is_named_no_more_then_its_account_stays(make, nothing_written):
    before = (await built(make))["upsertPaymentInstitution"]
    async with nothing_written():
        told = await bring(make, "upsertPaymentInstitution", accounts=[{"currency": "RUB"}, {"currency": "EUR"}])
    assert told == before


async def test_given_a_shop_when_it_goes_to_another_contract_then_its_tool_is_one_of_that(make):
    await built(make)
    await bring(make, "upsertContract", contractId="d")
    refused = await bring(make, "upsertShop", contractId="d")
    assert refused["code"] == "PAYOUT_TOOL_NOT_FOUND"
    await bring(make, "upsertPayoutTool", contractId="d", payoutToolId="theirs")
    told = await bring(make, "upsertShop", contractId="d", payoutToolId="theirs")
    assert (told["contract"], told["payoutTool"]) == ({"contractId": "d"}, {"payoutToolId": "theirs"})


async def test_given_a_contract_when_it_is_terminated_then_it_is_so_for_ever(make, nothing_written):
    await built(make)
    told = await bring(make, "upsertContract", terminated=True)
    assert (told["status"], told["version"]) == ("TERMINATED", 1)
    assert await events_of("upsertContract") == [("open", 0), ("terminate", 1)]
    async with nothing_written():
        assert await bring(make, "upsertContract", terminated=True) == told
        for no in (
            await bring(make, "upsertContract"),
            await bring(make, "upsertPayoutTool", payoutToolId="more"),
            await bring(make, "upsertPayoutTool", details={"russianBankAccount": OTHER_BANK}),
        ):
            assert (no["__typename"], no["code"]) == ("IllegalMove", "ILLEGAL_MOVE")


async def test_given_a_change_when_its_event_is_read_then_it_says_what_was_before(make):
    await built(make)
    await bring(make, "upsertParty", name="Another", suspended=True)
    assert (await facts_of("upsertParty"))["before"] == {"name": "Party p", "suspended": False}


@pytest.mark.parametrize(
    ("name", "change", "by"),
    [
        ("upsertParty", {"name": "Another"}, 0),
        ("upsertParty", {"suspended": True}, 1),
        ("upsertContract", {"adjustments": []}, 1),
        ("upsertContract", {"terminated": True}, 1),
        ("upsertPayoutTool", {"details": {"russianBankAccount": OTHER_BANK}}, 1),
        ("upsertShop", {"category": 2}, 1),
    ],
)
async def test_given_a_shop_when_what_it_rests_on_changes_then_its_revision_says_so(make, name, change, by):
    await built(make)
    before = await fetch(sql("SELECT revision FROM shop"))
    await bring(make, name, **change)
    assert [row["revision"] for row in await fetch(sql("SELECT revision FROM shop"))] == [before[0]["revision"] + by]


# --- what may not change ----------------------------------------------------------------------------------------------

WALLET_INPUT = {"wallet": {"walletId": "wallet-7"}}
FIXED = [
    ("upsertPaymentInstitution", {"accounts": [{"currency": "RUB"}]}, "accounts"),
    ("upsertPaymentInstitution", {"accounts": []}, "accounts"),
    ("upsertPayoutTool", {"currency": "EUR"}, "currency"),
    ("upsertPayoutTool", {"details": WALLET_INPUT}, "details"),
    ("upsertShop", {"currency": "EUR"}, "currency"),
    ("upsertShop", {"currency": "EUR", "payoutToolId": None}, "currency"),
]


@pytest.mark.parametrize(("name", "change", "path"), FIXED)
async def test_given_one_when_what_stays_is_changed_then_refused(make, nothing_written, name, change, path):
    await built(make)
    async with nothing_written():
        assert paths(await bring(make, name, **change)) == [path]


# --- what cannot be meant ---------------------------------------------------------------------------------------------

LONG_CODE, LONG_NAME = "x" * 65, "x" * 129


@pytest.mark.parametrize("code", ["", LONG_CODE, "a/b", "a b", "-a", "ä"])
@every_noun
async def test_given_a_code_that_is_none_when_brought_then_refused(make, nothing_written, name, code):
    await built(make)
    async with nothing_written():
        assert paths(await bring(make, name, **{CODES[name]: code})) == [CODES[name]]


@pytest.mark.parametrize("words", ["", " \n", LONG_NAME])
@pytest.mark.parametrize("name", ["upsertPaymentInstitution", "upsertTermSet", "upsertParty", "upsertShop"])
async def test_given_a_name_that_is_none_when_brought_then_refused(make, nothing_written, name, words):
    await built(make)
    async with nothing_written():
        assert paths(await bring(make, name, name=words)) == ["name"]


@every_noun
async def test_given_the_longest_code_when_brought_then_it_is_there(make, name):
    await built(make)
    code = "x" * 64
    assert (await bring(make, name, **{CODES[name]: code}))[CODES[name]] == code


TWICE = {"adjustmentId": "a", "termSetId": "t"}
SINCE, UNTIL = "2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"
POSTED = F2[0]
IBAN = {"bankName": "A bank", "iban": "DE89370400440532013000"}


def bank(**wrong):
    return {"payoutToolId": "new", "details": {"russianBankAccount": BANK_INPUT | wrong}}


def abroad(**given):
    return {"payoutToolId": "new", "details": {"internationalBankAccount": given}}


WRONG = [
    ("upsertPaymentInstitution", {"criteria": []}, ["criteria"]),
    ("upsertPaymentInstitution", {"criteria": {"a/b": True}}, ["criteria.a/b"]),
    ("upsertPaymentInstitution", {"criteria": {"x": {"category_is": -1}}}, ["criteria.x.category_is"]),
    ("upsertPaymentInstitution", {"criteria": {f"c{n}": True for n in range(101)}}, ["criteria"]),
    ("upsertTermSet", {"timed": {}}, ["timed"]),
    ("upsertTermSet", {"timed": [{}]}, ["timed.0.terms"]),
    ("upsertTermSet", {"timed": [{"terms": {"payout": {}}}]}, ["timed.0.terms.payout"]),
    ("upsertTermSet", {"timed": [{"since": "yesterday", "terms": {}}]}, ["timed.0.since"]),
    ("upsertTermSet", {"timed": [{"since": "2026-01-01T00:00:00", "terms": {}}]}, ["timed.0.since"]),
    ("upsertTermSet", {"timed": [{"since": SINCE, "until": UNTIL, "terms": {}}]}, ["timed.0.until"]),
    ("upsertTermSet", {"timed": [{"terms": {}}] * 51}, ["timed"]),
    ("upsertTermSet", {"timed": terms([POSTED | {"source": "pocket"}])}, ["timed.0.terms.payouts.fees.value.0.source"]),
    (
        "upsertTermSet",
        {"timed": [*terms(), *terms([POSTED | {"volume": {"share": {"parts": "1/0"}}}])]},
        ["timed.1.terms.payouts.fees.value.0.volume.share.parts"],
    ),
    ("upsertTermSet", {"timed": [{"terms": {"currencies": ["XXX"]}}]}, ["timed.0.terms.currencies.0"]),
    ("upsertContract", {"validSince": SINCE, "validUntil": UNTIL}, ["validUntil"]),
    ("upsertContract", {"validSince": SINCE, "validUntil": SINCE}, ["validUntil"]),
    ("upsertContract", {"adjustments": [TWICE, TWICE]}, ["adjustments"]),
    ("upsertContract", {"adjustments": [TWICE, TWICE | {"adjustmentId": ""}]}, ["adjustments.1.adjustmentId"]),
    (
        "upsertContract",
        {"adjustments": [TWICE | {"validSince": SINCE, "validUntil": UNTIL}]},
        ["adjustments.0.validUntil"],
    ),
    ("upsertPayoutTool", bank(account="1" * 19), ["details.russianBankAccount.account"]),
    ("upsertPayoutTool", bank(account=""), ["details.russianBankAccount.account"]),
    ("upsertPayoutTool", bank(bankPostAccount="x" * 20), ["details.russianBankAccount.bankPostAccount"]),
    ("upsertPayoutTool", bank(bankBik="1" * 10), ["details.russianBankAccount.bankBik"]),
    ("upsertPayoutTool", bank(bankName=" "), ["details.russianBankAccount.bankName"]),
    ("upsertPayoutTool", bank(bankName="x" * 201), ["details.russianBankAccount.bankName"]),
    ("upsertPayoutTool", abroad(bankName="A bank"), ["details.internationalBankAccount.iban"]),
    (
        "upsertPayoutTool",
        abroad(**IBAN | {"iban": "DE88370400440532013000"}),
        ["details.internationalBankAccount.iban"],
    ),
    ("upsertPayoutTool", abroad(**IBAN, bic="DEUT"), ["details.internationalBankAccount.bic"]),
    ("upsertPayoutTool", {"payoutToolId": "new", "details": {"wallet": {"walletId": ""}}}, ["details.wallet.walletId"]),
    ("upsertShop", {"category": -1}, ["category"]),
    ("upsertShop", {"category": 1_000_001}, ["category"]),
    ("upsertShop", {"location": " "}, ["location"]),
    ("upsertShop", {"location": "x" * 257, "name": ""}, ["name", "location"]),
]


@pytest.mark.parametrize(("name", "wrong", "where"), WRONG)
async def test_given_what_cannot_be_meant_when_it_is_said_then_refused_with_its_place(
    make, nothing_written, name, wrong, where
):
    await built(make)
    async with nothing_written():
        assert paths(await bring(make, name, **wrong)) == where


@pytest.mark.parametrize(
    ("details", "kind", "shown"),
    [
        ({"internationalBankAccount": IBAN | {"bic": "DEUTDEFF500"}}, "INTERNATIONAL_BANK_ACCOUNT", "iban"),
        ({"internationalBankAccount": {"bankName": "A", "number": "7"}}, "INTERNATIONAL_BANK_ACCOUNT", "number"),
        (WALLET_INPUT, "WALLET", "walletId"),
        ({"paymentInstitution": {}}, "PAYMENT_INSTITUTION", None),
    ],
)
async def test_given_other_kinds_of_tools_when_brought_then_they_say_where_they_lead(make, details, kind, shown):
    await built(make)
    told = await bring(make, "upsertPayoutTool", payoutToolId="new", details=details)
    given = next(iter(details.values()))
    assert (told["kind"], told["destination"]["kind"]) == (kind, kind)
    filled = {name: value for name, value in told["destination"].items() if value is not None and name != "kind"}
    assert filled == given
    assert shown is None or filled[shown]


# --- what is not there ------------------------------------------------------------------------------------------------

UNKNOWN = [
    ("upsertTermSet", {"termSetId": "new", "parentId": "none"}, "TERM_SET_NOT_FOUND"),
    ("upsertTermSet", {"termSetId": "new", "parentId": "new"}, "TERM_SET_NOT_FOUND"),
    ("upsertTermSet", {"parentId": "none"}, "TERM_SET_NOT_FOUND"),
    ("upsertContract", {"partyId": "none"}, "PARTY_NOT_FOUND"),
    ("upsertContract", {"paymentInstitutionId": "none"}, "PAYMENT_INSTITUTION_NOT_FOUND"),
    ("upsertContract", {"termSetId": "none"}, "TERM_SET_NOT_FOUND"),
    ("upsertContract", {"adjustments": [{"adjustmentId": "b", "termSetId": "none"}]}, "TERM_SET_NOT_FOUND"),
    ("upsertContract", {"contractId": "new", "termSetId": "none"}, "TERM_SET_NOT_FOUND"),
    ("upsertPayoutTool", {"partyId": "none"}, "PARTY_NOT_FOUND"),
    ("upsertPayoutTool", {"contractId": "none"}, "CONTRACT_NOT_FOUND"),
    ("upsertShop", {"partyId": "none"}, "PARTY_NOT_FOUND"),
    ("upsertShop", {"contractId": "none"}, "CONTRACT_NOT_FOUND"),
    ("upsertShop", {"payoutToolId": "none"}, "PAYOUT_TOOL_NOT_FOUND"),
    ("upsertShop", {"shopId": "new", "payoutToolId": "none"}, "PAYOUT_TOOL_NOT_FOUND"),
]


@pytest.mark.parametrize(("name", "wrong", "code"), UNKNOWN)
@pytest.mark.parametrize("none", ["none", "x" * 200])
async def test_given_what_is_not_there_when_it_is_named_then_not_found(make, nothing_written, name, wrong, code, none):
    """Also by a name that is longer than any that there could be."""
    await built(make)
    async with nothing_written():
        told = await bring(make, name, **orjson.loads(orjson.dumps(wrong).replace(b'"none"', orjson.dumps(none))))
    assert (told["__typename"], told["code"]) == ("NotFound", code)


async def test_given_another_partys_contract_when_a_shop_names_it_then_not_found(make, nothing_written):
    await built(make)
    await bring(make, "upsertParty", partyId="q")
    async with nothing_written():
        assert (await bring(make, "upsertShop", partyId="q"))["code"] == "CONTRACT_NOT_FOUND"
        assert (await bring(make, "upsertPayoutTool", partyId="q"))["code"] == "CONTRACT_NOT_FOUND"


async def test_given_a_tool_in_another_currency_when_a_shop_names_it_then_refused(make, nothing_written):
    await built(make)
    await bring(make, "upsertPayoutTool", payoutToolId="euros", currency="EUR")
    async with nothing_written():
        for code in ("s", "new"):
            assert paths(await bring(make, "upsertShop", shopId=code, payoutToolId="euros")) == ["payoutToolId"]


UNUSED = [
    ("upsertPaymentInstitution", {"accounts": [{"currency": "RUB"}, {"currency": "EUR"}, {"currency": "XXX"}]}),
    ("upsertPayoutTool", {"payoutToolId": "new", "currency": "XXX"}),
    ("upsertShop", {"shopId": "new", "currency": "XXX", "payoutToolId": None}),
    ("upsertShop", {"shopId": "new", "currency": "USD", "payoutToolId": None}),
]


@pytest.mark.parametrize(("name", "wrong"), UNUSED)
async def test_given_a_currency_that_is_not_used_when_it_is_named_then_refused(make, nothing_written, name, wrong):
    await built(make)
    async with nothing_written():
        told = await bring(make, name, **wrong)
    assert (told["__typename"], told["code"]) == ("CurrencyNotSupported", "CURRENCY_NOT_SUPPORTED")


# --- parents of terms -------------------------------------------------------------------------------------------------


async def line_of_terms(make, count):
    """Sets of terms, each the parent of the next: t1, t2, ..."""
    for number in range(1, count + 1):
        parent = f"t{number - 1}" if number > 1 else None
        told = await bring(make, "upsertTermSet", termSetId=f"t{number}", parentId=parent, timed=[])
        assert told["__typename"] == "TermSet", told
    return told


async def test_given_a_parent_when_terms_are_brought_then_it_says_the_rest(make):
    await line_of_terms(make, 1)
    told = await bring(make, "upsertTermSet", termSetId="t2", parentId="t1")
    assert told["parent"] == {"termSetId": "t1"}
    alone = await bring(make, "upsertTermSet", termSetId="t2")
    assert (alone["parent"], alone["version"]) == (None, 1)


@pytest.mark.parametrize("parent", ["t1", "t2", "t3"])
async def test_given_a_line_of_terms_when_it_would_close_then_refused(make, nothing_written, parent):
    await line_of_terms(make, 3)
    async with nothing_written():
        told = await bring(make, "upsertTermSet", termSetId="t1", parentId=parent, timed=[])
    assert told["fields"] == [{"path": "parentId", "message": "would make a circle"}]


async def test_given_twenty_sets_above_when_another_is_hung_below_then_refused(make, nothing_written):
    assert (await line_of_terms(make, 20))["parent"] == {"termSetId": "t19"}
    async with nothing_written():
        assert paths(await bring(make, "upsertTermSet", termSetId="t21", parentId="t20")) == ["parentId"]


# --- which version ----------------------------------------------------------------------------------------------------


@every_noun
async def test_given_another_version_when_it_is_changed_then_conflict(make, nothing_written, name):
    await built(make)
    query = UPSERTS[name].replace("... on Refusal {", "... on VersionConflict { expected actual } ... on Refusal {")

    async def told(**more):
        answer = await make.ask(query, by=make.operator, input=said(name, expectedVersion=7, **more))
        return answer["code"], answer["expected"], answer["actual"]

    async with nothing_written():
        assert await told() == ("VERSION_CONFLICT", 7, 0)
        assert await told(**{CODES[name]: "new"}) == ("VERSION_CONFLICT", 7, None)


@every_noun
async def test_given_its_version_when_it_is_repeated_then_it_is_answered(make, nothing_written, name):
    answers = await built(make)
    async with nothing_written():
        assert await bring(make, name, expectedVersion=0) == answers[name]


# --- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.OPERATOR, Role.SYSTEM}])
@every_noun
async def test_given_anybody_but_an_operator_when_it_is_brought_then_forbidden(make, nothing_written, name, role):
    await built(make)
    claims = {Role.MERCHANT: {"party": "p"}, Role.USER: {"person": 1}}.get(role, {})
    by = Asker.of(role, **claims)
    async with nothing_written():
        for given in (said(name), said(name, **{CODES[name]: "new"})):
            told = await make.error(UPSERTS[name], by=by, input=given)
            assert told == {"code": "FORBIDDEN", "status": 403}


@every_noun
async def test_given_nobody_when_it_is_brought_then_unauthenticated(make, nothing_written, name):
    await built(make)
    async with nothing_written():
        told = await make.error(UPSERTS[name], by=None, input=said(name))
    assert told == {"code": "UNAUTHENTICATED", "status": 401}
