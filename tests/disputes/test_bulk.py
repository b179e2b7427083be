"""Verbs over many whose items are named by something long. [spec/disputes §9]"""

from __future__ import annotations

import random
import string

import pytest

LONG = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=5_000))
"""It does not get shorter by being packed."""


def of(invoice, payment):
    return {"dispute": {"payment": {"invoiceId": invoice, "paymentId": payment}}}


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_an_item_with_a_very_long_name_hinders_no_other(world, place):
    disputes = [await world.created("one"), await world.created("two")]
    items = [{"dispute": {"disputeId": each}} for each in disputes]
    items.insert(place, of("inv", LONG))
    answers = await world.desk("cancelDisputes", *items, idempotencyKey="k")
    assert answers.pop(place)["code"] == "DISPUTE_NOT_FOUND"
    assert [(one["__typename"], one["disputeId"]) for one in answers] == [("Dispute", each) for each in disputes]
    assert [await world.stands(each) for each in disputes] == ["CANCELLED"] * 2
