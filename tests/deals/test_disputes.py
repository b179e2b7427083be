"""Disputes, opened and decided wrongly: every no is exact and leaves no trace. [spec/deals §3 rows 10-12]"""

from __future__ import annotations

import pytest

from tests.deals.asking import DECIDE
from tests.deals.situations import standing
from tests.deals.test_refusals import FACTS, LONG
from tests.people.test_bad_input import invalid


@pytest.mark.parametrize("stands", ["CREATED", "CONFIRM_PERFORMER", "ARB_CLOSE_CUSTOMER"])
async def test_given_a_split_that_cannot_be_when_there_is_no_open_dispute_then_that_is_told(
    api, make, nothing_written, stands
):
    deal = await standing(make, stands)
    code = {
        "CREATED": "DEAL_DISPUTE_DOES_NOT_EXIST",
        "CONFIRM_PERFORMER": "DEAL_DISPUTE_DOES_NOT_EXIST",
        "ARB_CLOSE_CUSTOMER": "DEAL_DISPUTE_ALREADY_CLOSED",
    }[stands]
    async with nothing_written():
        for part in ("1.0000001", "0", "-5", "9999999999999999999", None):
            told = await api(DECIDE, by=make.operator, n=deal.id, **{"for": "SPLIT", "part": part, "comment": " "})
            assert (part, told["code"]) == (part, code)


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [("title", " ", LONG.format(128)), ("title", "x" * 129, LONG.format(128)), ("description", "", LONG.format(10_000)),
     ("description", "x" * 10_001, LONG.format(10_000)), ("title", "\x00", "must not hold a null character")]
)  # fmt: skip
async def test_given_no_words_when_a_deal_is_disputed_then_invalid_input(
    api, make, nothing_written, field, text, message
):
    deal = await standing(make, "CONFIRM_PERFORMER")
    query = f"mutation ($input: OpenDealDisputeInput!) {{ openDealDispute(input: $input) {{ {FACTS} }} }}"
    given = {"deal": {"number": deal.id}, "title": "Not done", "description": "Nothing came", field: text}
    async with nothing_written():
        assert await api(query, by=make.user(deal.customer_id), input=given) == invalid(**{field: message})


@pytest.mark.parametrize(
    ("favour", "part", "comment", "code"),
    [("SPLIT", "0", None, "INVALID_AMOUNT"), ("SPLIT", "-1", None, "INVALID_AMOUNT"), ("SPLIT", "100", None, "INVALID_AMOUNT"),
     ("SPLIT", "100.000001", None, "INVALID_AMOUNT"), ("SPLIT", "1.0000001", None, "INVALID_AMOUNT"),
     ("SPLIT", "9999999999999999999", None, "INVALID_AMOUNT"), ("SPLIT", None, None, "INVALID_INPUT"),
     ("PERFORMER", "100", None, "INVALID_INPUT"), ("CUSTOMER", "1", None, "INVALID_INPUT"), ("SPLIT", "NaN", None, "INVALID_INPUT"),
     ("CUSTOMER", None, "", "INVALID_INPUT"), ("CUSTOMER", None, "x" * 2_001, "INVALID_INPUT"),
     ("CUSTOMER", None, "\x00", "INVALID_INPUT")]
)  # fmt: skip
async def test_given_a_decision_that_cannot_be_when_a_dispute_is_closed_then_it_is_declined(
    api, make, nothing_written, favour, part, comment, code
):
    deal = await standing(make, "DISPUTED")
    async with nothing_written():
        told = await api(DECIDE, by=make.operator, n=deal.id, **{"for": favour, "part": part, "comment": comment})
    assert told == {"code": code}


async def test_given_a_split_when_it_is_decided_again_then_the_same_is_answered_and_another_declined(
    api, make, nothing_written
):
    deal = await standing(make, "ARB_CLOSE_SPLIT")
    async with nothing_written():
        for part in (None, "30", "30.000000"):
            told = await api(DECIDE, by=make.operator, n=deal.id, **{"for": "SPLIT", "part": part})
            assert (told["number"], told["dispute"]["performerAmount"]) == (deal.id, {"amount": "30.000000"})
        for part in ("30.000001", "0", "1.0000001", "100"):
            told = await api(DECIDE, by=make.operator, n=deal.id, **{"for": "SPLIT", "part": part})
            assert told == {"code": "DEAL_DISPUTE_ALREADY_CLOSED"}
