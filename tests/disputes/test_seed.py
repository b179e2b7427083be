"""The disputes of the small world: brought once, and carried by a worker to where each of them stands."""

from __future__ import annotations

from typing import Any

import pytest

from models.disputes.lifecycle import DisputeStatus
from server.seed import disputes
from tests.disputes.world import World

JOBS = ("process_created_disputes", "process_pending_disputes", "process_adjustments", "deliver_dispute_notifications")
STANDS = {
    "1": "SUCCEEDED", "2": "SUCCEEDED", "3": "FAILED", "4": "FAILED", "5": "PENDING", "6": "MANUAL_PENDING",
    "7": "ALREADY_EXIST_CREATED", "8": "POOLING_EXPIRED", "9": "CREATE_ADJUSTMENT", "10": "CREATED", "11": "CANCELLED",
}  # fmt: skip


@pytest.fixture
def seeded(world: World, knobs: Any) -> World:
    """The sandbox stands where the settings say that it does."""
    knobs(billing_url="", support_url="", port=int(world.box.url.rpartition(":")[2]) - 2)
    return world


def stands(said: list[str]) -> dict[str, str]:
    """By the number of the invoice."""
    return {line.split(":")[0].rpartition("-")[2]: line.rpartition(", ")[2] for line in said}


async def test_each_comes_to_stand_where_it_should_and_again_changes_nothing(seeded, make, nothing_written):
    await disputes.bring()
    assert set(stands(await disputes.told()).values()) == {"CREATED", "CANCELLED"}
    for _ in range(3):
        for job in JOBS:
            await seeded.tick(job)
    listed = "{ disputes(first: 20) { edges { node { invoiceId disputeId } } } }"
    edges = (await make.ask(listed, by=make.operator))["edges"]
    hasty = next(one["node"]["disputeId"] for one in edges if one["node"]["invoiceId"] == "demo-invoice-8")
    await seeded.past_deadline(hasty)
    await seeded.poll_tick()
    said = await disputes.told()
    assert stands(said) == STANDS
    assert set(STANDS.values()) == {status.name for status in DisputeStatus}
    told = await seeded.box.ask("receiver/received", name="demo-oak")
    assert len(told["received"]) == sum(status in {"SUCCEEDED", "FAILED", "CANCELLED"} for status in STANDS.values())
    calls = len(await seeded.calls("billing", "payment"))
    async with nothing_written():
        await disputes.bring()
        assert await disputes.told() == said
    assert len(await seeded.calls("billing", "payment")) == calls


async def test_one_that_was_cut_is_completed_and_a_sandbox_that_forgot_is_told_again(
    seeded, monkeypatch, nothing_written
):
    whole = disputes.WORLD
    monkeypatch.setattr(disputes, "WORLD", whole[:4])
    await disputes.bring()
    monkeypatch.setattr(disputes, "WORLD", whole)
    await disputes.bring()
    assert list(stands(await disputes.told())) == [str(number) for number in range(1, 12)]
    for job in JOBS:
        await seeded.tick(job)
    await seeded.box.tell("reset")
    async with nothing_written():
        await disputes.bring()
    known = {
        one["invoice"]["id"]: one["payment"]["status"] for one in (await seeded.box.ask("billing/payments"))["payments"]
    }
    assert (len(known), known["demo-invoice-1"], known["demo-invoice-9"]) == (11, "captured", "failed")


async def test_where_nobody_plays_billing_there_is_none(make, knobs, database):
    knobs(port=1)
    await disputes.bring()
    knobs(billing_url="https://billing.example")
    await disputes.bring()
    assert await disputes.told() == []
