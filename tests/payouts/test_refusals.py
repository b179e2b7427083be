"""What payouts refuse beside the specification's statements: each with its own type, and without a trace."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.kernel.clock import now
from models.parties import operations as parties
from models.parties.lifecycle import ToolKind
from tests.make import Asker
from tests.payouts.shops import (
    CANCEL,
    CONFIRM,
    CREATE,
    F2,
    P,
    S,
    Y,
    add_tool,
    asked,
    events_of,
    fixed,
    merchant,
    paid_out,
    posting,
    share,
    shop,
    stands,
    terms,
)

FIELDS = "... on InvalidInput { fields { path message } } ... on Refusal {"
LIMITED = {"cash_limit": {"value": {"lower": {"inclusive": {"amount": "10.00", "currency": "RUB"}},
                                    "upper": {"exclusive": {"amount": "500.00", "currency": "RUB"}}}}}  # fmt: skip
FORBIDDEN = {"code": "FORBIDDEN", "status": 403}
WALLETS = {"payout_methods": {"value": ["wallet"]}}


async def block_party(by: Asker, its: Any) -> None:
    await parties.block_party(its.party_code, "a test", by=by.viewer)


async def block_shop(by: Asker, its: Any) -> None:
    await parties.block_shop(its.party_code, its.code, "a test", by=by.viewer)


async def suspend_party(by: Asker, its: Any) -> None:
    await parties.upsert_party(its.party_code, "Suspended", suspended=True, by=by.viewer)


async def suspend_shop(by: Asker, its: Any) -> None:
    number = its.code.removeprefix("s")
    opened = parties.Opened("A shop", its.currency, 1, f"c{number}", "own", suspended=True)
    await parties.upsert_shop(its.party_code, its.code, opened, by=by.viewer)


def agreed(**more: Any) -> Any:
    async def agree(by: Asker, its: Any) -> None:
        number = its.code.removeprefix("s")
        said = parties.Agreed("house", f"t{number}", **more)
        await parties.upsert_contract(its.party_code, f"c{number}", said, by=by.viewer)

    return agree


STOPPED = {
    "the party is blocked": (block_party, "NotOperating", "PARTY_BLOCKED"),
    "the party is suspended": (suspend_party, "NotOperating", "PARTY_SUSPENDED"),
    "the shop is blocked": (block_shop, "NotOperating", "SHOP_BLOCKED"),
    "the shop is suspended": (suspend_shop, "NotOperating", "SHOP_SUSPENDED"),
    "the contract was terminated": (agreed(terminated=True), "ContractNotActive", "CONTRACT_NOT_ACTIVE"),
    "the contract is over": (
        agreed(valid_until=now() - timedelta(minutes=1)), "ContractNotActive", "CONTRACT_NOT_ACTIVE",
    ),
    "the contract has not begun": (
        agreed(valid_since=now() + timedelta(days=1)), "ContractNotActive", "CONTRACT_NOT_ACTIVE",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", STOPPED)
async def test_given_what_does_not_work_when_created_then_refused_and_only_where_it_is_asked(
    api, make, nothing_written, knobs, why
):
    its = await shop(make)
    stop, kind, code = STOPPED[why]
    await stop(make.operator, its)
    async with nothing_written():
        told = await api(CREATE, by=merchant(its), input=asked(its, "10.00"))
    assert (told["__typename"], told["code"]) == (kind, code)
    knobs(payout_strict=False)
    told = await api(CREATE, by=merchant(its), input=asked(its, "10.00"))
    assert told["status"] == "UNPAID"


async def test_given_all_of_them_when_created_then_the_party_is_named_first(api, make, nothing_written):
    its = await shop(make)
    for stop, _, _ in STOPPED.values():
        if stop not in (suspend_party, suspend_shop):
            await stop(make.operator, its)
            break
    await block_shop(make.operator, its)
    async with nothing_written():
        told = await api(CREATE, by=merchant(its), input=asked(its, "10.00"))
    assert told["code"] == "PARTY_BLOCKED"


@pytest.mark.parametrize(("amount", "allowed"), [("9.99", False), ("10.00", True), ("499.99", True), ("500.00", False)])
async def test_given_a_limit_when_created_then_within_it_alone(api, make, nothing_written, knobs, amount, allowed):
    its = await shop(make, timed=terms(F2, **LIMITED))
    query = CREATE.replace("... on Refusal {", "... on CashLimitExceeded { limit } ... on Refusal {")
    if allowed:
        assert (await api(query, by=merchant(its), input=asked(its, amount)))["status"] == "UNPAID"
        return
    async with nothing_written():
        told = await api(query, by=merchant(its), input=asked(its, amount))
    assert (told["code"], "10.00" in told["limit"], "500.00" in told["limit"]) == ("CASH_LIMIT_EXCEEDED", True, True)
    knobs(payout_strict=False)
    assert (await api(query, by=merchant(its), input=asked(its, amount)))["status"] == "UNPAID"


async def test_given_terms_for_wallets_when_paid_to_a_bank_then_refused_with_what_is_allowed(
    api, make, nothing_written
):
    its = await shop(make, timed=terms(F2, **WALLETS))
    query = CREATE.replace(
        "... on Refusal {", "... on PayoutMethodNotAllowed { method allowedMethods } ... on Refusal {"
    )
    async with nothing_written():
        told = await api(query, by=merchant(its), input=asked(its))
    assert (told["code"], told["method"], told["allowedMethods"]) == (
        "PAYOUT_METHOD_NOT_ALLOWED", "RUSSIAN_BANK_ACCOUNT", ["WALLET"],
    )  # fmt: skip


async def test_given_a_tool_of_another_currency_when_named_then_refused(api, make, nothing_written):
    its = await shop(make)
    contract = f"c{its.code.removeprefix('s')}"
    await add_tool(make, its.party_code, contract, "euros", ToolKind.WALLET, "EUR")
    async with nothing_written():
        told = await api(
            CREATE.replace("... on Refusal {", FIELDS), by=merchant(its), input=asked(its, payoutToolId="euros")
        )
    assert told["code"] == "PAYOUT_TOOL_CURRENCY_MISMATCH"
    assert told["fields"] == [{"path": "payoutToolId", "message": "takes EUR, the shop has RUB"}]


@pytest.mark.parametrize(
    ("timed", "kind", "code"),
    [
        ([{"terms": {}}], "OperationNotPermitted", "OPERATION_NOT_PERMITTED"),
        (terms([posting(S, "provider_settlement", share("1/1"))]), "ConfigurationError", "CONFIGURATION_ERROR"),
        (terms([posting(S, P, fixed("1.00", "EUR"))]), "ConfigurationError", "CONFIGURATION_ERROR"),
        (
            terms([posting(S, P, share("1/1")), posting(Y, S, share("1/1"))]),
            "ConfigurationError",
            "CONFIGURATION_ERROR",
        ),
    ],
)
async def test_given_terms_that_cannot_be_used_when_created_then_refused(api, make, nothing_written, timed, kind, code):
    its = await shop(make, timed=timed)
    async with nothing_written():
        told = await api(CREATE, by=merchant(its), input=asked(its))
    assert (told["__typename"], told["code"]) == (kind, code)


@pytest.mark.parametrize("id", ["", " ", "a b", "-first", "ü", "x" * 51, "a\x00b", "schedule-1-20260101T000000Z"])
async def test_given_what_is_no_id_when_created_then_its_field_is_named(api, make, nothing_written, id):
    its = await shop(make)
    async with nothing_written():
        told = await api(CREATE.replace("... on Refusal {", FIELDS), by=merchant(its), input=asked(its, payoutId=id))
    assert (told["code"], [field["path"] for field in told["fields"]]) == ("INVALID_INPUT", ["payoutId"])


@pytest.mark.parametrize(
    ("money", "code"),
    [
        ({"amount": "0.001", "currency": "RUB"}, "INVALID_AMOUNT"),
        ({"amount": "1.00", "currency": "XXX"}, "CURRENCY_NOT_SUPPORTED"),
        ({"amount": "99999999999999999999.00", "currency": "RUB"}, "INVALID_INPUT"),
    ],
)
async def test_given_money_that_cannot_be_when_created_then_refused(api, make, nothing_written, money, code):
    its = await shop(make)
    async with nothing_written():
        told = await api(CREATE, by=merchant(its), input=asked(its) | {"money": money})
    assert told["code"] == code


@pytest.mark.parametrize("why", ["", "  ", "x" * 501])
async def test_given_no_reason_or_a_novel_when_cancelled_then_refused(api, make, nothing_written, why):
    its = await shop(make)
    await paid_out(make, its, payout_id="a")
    async with nothing_written():
        told = await api(CANCEL, by=merchant(its), id="a", why=why)
    assert told["code"] == "INVALID_INPUT"


async def test_given_a_merchant_when_he_confirms_his_own_then_forbidden(api, make, nothing_written):
    its = await shop(make)
    await paid_out(make, its, payout_id="a")
    async with nothing_written():
        assert await make.error(CONFIRM, by=merchant(its), id="a") == FORBIDDEN


async def test_given_an_auditor_when_he_does_anything_then_forbidden(api, make, nothing_written):
    its = await shop(make)
    await paid_out(make, its, payout_id="a")
    async with nothing_written():
        for query, given in ((CREATE, {"input": asked(its)}), (CONFIRM, {"id": "a"}), (CANCEL, {"id": "a"})):
            assert await make.error(query, by=make.auditor, **given) == FORBIDDEN


async def test_given_somebody_elses_when_asked_of_then_like_one_that_is_not_there(api, make, nothing_written):
    """A merchant of another party, and one of another shop of the same."""
    its, other = await shop(make), await shop(make)
    sister = await shop(make, party=its.party_code)
    await paid_out(make, its, payout_id="a")
    async with nothing_written():
        for by in (merchant(other), merchant(sister, shops=True)):
            theirs, none = [await api(CANCEL, by=by, id=id) for id in ("a", "b")]
            assert theirs == none
            assert theirs["code"] == "PAYOUT_NOT_FOUND"
            theirs, none = [
                await api(CREATE, by=by, input=asked(its, "1.00", shopId=code)) for code in (its.code, "nothing")
            ]
            assert theirs == none
            assert theirs["__typename"] == "NotFound"


@pytest.mark.parametrize("query", [CONFIRM, CANCEL])
async def test_given_an_old_version_when_moved_then_version_conflict(api, make, nothing_written, query):
    its = await shop(make)
    await paid_out(make, its, payout_id="a")
    asking = query.replace("{payoutId: $id}", "{payoutId: $id}, expectedVersion: 7")
    async with nothing_written():
        assert (await api(asking, by=make.operator, id="a"))["code"] == "VERSION_CONFLICT"


async def test_given_one_key_when_asked_twice_then_one_payout_and_for_something_else_a_conflict(
    api, make, nothing_written
):
    its = await shop(make)
    given = asked(its, "10.00")
    first = await api(CREATE, by=merchant(its), input=given)
    async with nothing_written():
        assert await api(CREATE, by=merchant(its), input=given) == first
        again = await api(CREATE, by=merchant(its), input=given | {"payoutId": "other"})
    assert again["code"] == "IDEMPOTENCY_KEY_CONFLICT"
    assert await events_of(first["payoutId"]) == [("open", 0)]
    assert (await stands(its))["S"] == (100000, 99000, 100000)
