"""Providers' words beside disputes of the same payment, and beside each other. [spec/disputes §5.3; §11, 51, 52]"""

from __future__ import annotations

import pytest

from models.disputes import operations as disputes
from tests.disputes.racing import MINE, differences, rows
from tests.disputes.test_adjusting_races import stands, word
from tests.disputes.world import WORKER


async def test_a_job_of_a_providers_word_that_gives_up_leaves_the_dispute_beside_it_as_it_is(world):
    """Nobody waits for it: a dispute of the payment that is at its provider shows it, and stays there."""
    world.knobs(dispute_callbacks_enabled=True)
    dispute = await world.created("inv-0", paid={"providerTrxId": "trx-undecided"})
    await world.create_tick()
    await world.box.tell("quickpay/payments", providerTrxId="trx-undecided", success=True)
    await word(world)
    await world.tick("check_payment_callbacks")
    before = await world.read(dispute)
    await world.status("pending", "inv-0")
    await rows("UPDATE adjustment SET give_up_at = saldo_now() - interval '1 second' RETURNING 1")
    await world.adjust_tick()
    assert await stands(0) == ["pending", "failed"]
    assert await differences() == []
    after = await world.read(dispute)
    assert (after["adjustment"]["status"], after["version"]) == ("FAILED", before["version"] + 1)
    moved = {"nextCheckAt", "adjustment", "version"}
    assert [name for name in after if after[name] != before[name] and name not in moved] == []


@pytest.mark.parametrize("before", [1, 2])
async def test_a_word_that_comes_while_the_last_one_is_asked_about_is_asked_about_itself(world, before):
    """However often it was told before: the provider may know better by now than when it was asked."""
    world.knobs(dispute_callbacks_enabled=True)
    await world.payment("inv-0", providerTrxId="trx-none")
    for _ in range(before):
        await word(world)
    for _ in range(2):
        await world.due()
        (asking,) = await disputes.claim_callbacks(**MINE)
        await word(world)
        await disputes.callback_ended(asking, "deny", "it knows of nothing", by=WORKER)
        assert await rows("SELECT status FROM payment_callback") == [("received",)]
    await world.tick("check_payment_callbacks")
    assert await rows("SELECT status FROM payment_callback") == [("denied",)]
    assert len(await world.calls("quickpay", "check_payment")) == 1
