"""Payments as they go when all is well. [spec/deals §13.13-19, 26, 27]"""

from __future__ import annotations

from models.deals import operations as deals
from tests.deals.situations import done, offer


async def test_17_a_deposit_is_credited_and_has_the_deal_go_on_and_is_swept(world, make):
    anna, bert = await make.person(), await make.person()
    deal = await deals.offer(offer(anna.id, bert.id, "100 USDT"), by=make.user(anna).viewer)
    await done(make, deal, "confirm")
    payment = await world.create(person=anna)
    await world.pay(payment)
    await world.done()
    read = await world.read(payment)
    assert (read["status"], read["exception"], read["received"]["amount"]) == ("SUCCESS", "NONE", "100.000000")
    assert read["wallet"]["status"] == "TRANSFERED"
    assert await world.main_received() == ["100000000"]
