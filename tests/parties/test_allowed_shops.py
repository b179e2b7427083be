"""Which shops may work under a contract's terms. [spec/payouts §2.4]"""

from __future__ import annotations

import pytest

from models.kernel.refusals import CurrencyNotSupported, InvalidInput
from models.parties import operations as parties
from tests.payouts.shops import F2, shop, terms

LIMITED = [{"terms": terms(F2)[0]["terms"] | {"currencies": ["RUB"], "categories": [1, 2]}}]


async def changed(make, its, **how):
    """The shop, opened anew under its own contract as `how` says."""
    number = its.code.removeprefix("s")
    given = {"name": "N", "currency": "RUB", "category": 1, "contract": f"c{number}"} | how
    return await parties.upsert_shop(
        its.party_code, how.pop("code", "other"), parties.Opened(**given), by=make.operator.viewer
    )


async def test_given_terms_for_some_when_a_shop_is_one_of_them_then_it_is_opened(make):
    its = await shop(make, timed=LIMITED)
    assert (await changed(make, its, category=2)).category == 2


async def test_given_terms_for_some_when_a_shop_is_another_then_refused(make, nothing_written):
    its = await shop(make, timed=LIMITED)
    async with nothing_written():
        with pytest.raises(InvalidInput, match="category: must be one that the contract's terms allow: 1, 2"):
            await changed(make, its, category=3)
        with pytest.raises(CurrencyNotSupported) as no:
            await changed(make, its, currency="EUR")
    assert no.value.supported == ("RUB",)


async def test_given_terms_whose_time_has_not_come_when_a_shop_is_opened_then_they_forbid_nothing(make):
    its = await shop(make, timed=[LIMITED[0] | {"since": "2999-01-01T00:00:00Z"}], tool=None)
    assert (await changed(make, its, category=3)).category == 3
