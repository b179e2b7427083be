"""A worker dies before or after any of its units, also between a provider's answer and what is written of it: the next one goes on,
and all ends as if nobody had died. [spec/disputes §11, 25; §10.2]"""

from __future__ import annotations

import pytest

from models.kernel.sql import fetch, sql
from models.unit import Operation
from tests.disputes.test_telling import hook, received
from tests.disputes.world import MERCHANT, attached

LIFE = (
    "process_created_disputes", "process_pending_disputes", "process_adjustments", "process_adjustments",
    "deliver_dispute_notifications", *["tell_support"] * 4,
)  # fmt: skip
TOLD = ["open", "want_notification", "accept", "confirm", "send_adjustment", "succeed", "notify"]
UNITS_MIN = 15


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


class Units:
    """Counts the units of jobs, and dies around one of them; 0: around none."""

    def __init__(self, patched, number=0, *, after=False):
        self.count, once, counting = 0, Operation._once, self

        async def counted(operation, *args, **kwargs):
            counting.count += 1
            dies = counting.count == number
            if dies and not after:
                raise Killed
            answer = await once(operation, *args, **kwargs)
            if dies:
                raise Killed
            return answer

        patched.setattr(Operation, "_once", counted)


async def leases_end():
    for table in ("dispute", "adjustment", "dispute_notification", "support_message"):
        await fetch(sql(f"UPDATE {table} SET lease_until = NULL WHERE lease_until IS NOT NULL RETURNING 1"))


async def lived(world, dispute):
    """All the jobs once more, and what it came to."""
    for name in LIFE:
        await world.tick(name)
    read = await world.read(dispute, MERCHANT)
    (there,) = [one for one in (await world.box.ask("quickpay/disputes"))["disputes"] if one["disputeId"] == dispute]
    listed = (await world.box.ask("billing/adjustments"))["adjustments"]
    made = [(one["kind"], one["made"]) for one in listed if one["invoiceId"] == read["invoiceId"]]
    messages = (await world.box.ask("support/messages"))["messages"]
    return {
        "status": read["publicStatus"],
        "changed": read["changedAmount"],
        "told": read["notification"]["status"],
        "events": await world.events(dispute),
        "opened": there["opened"],
        "made": made,
        "desk": [one["status"] for one in messages if one["disputeId"] == dispute],
    }


RIGHT = {
    "status": "SUCCEEDED", "changed": {"minorUnits": "8000"}, "told": "DELIVERED", "events": TOLD, "opened": 1,
    "made": [("cash_flow", 1), ("captured", 1)], "desk": ["created", "pending", "create_adjustment", "succeeded"],
}  # fmt: skip


async def begun(world, number):
    invoice = f"i{number}"
    return await world.created(
        invoice, paid={"providerTrxId": f"trx-changed-{number}"}, notificationUrl=hook(world, invoice)
    )


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_25_given_a_death_around_any_unit_when_another_goes_on_then_all_ends_well(world, monkeypatch, after):
    undisturbed = await begun(world, 0)
    with monkeypatch.context() as patched:
        units = Units(patched)
        assert await lived(world, undisturbed) == RIGHT
    assert units.count >= UNITS_MIN
    for number in range(1, units.count + 1):
        dispute = await begun(world, number)
        with monkeypatch.context() as patched:
            Units(patched, number, after=after)
            with pytest.raises(BaseException) as died:
                await lived(world, dispute)
            assert died.group_contains(Killed) if isinstance(died.value, BaseExceptionGroup) else died.type is Killed
        await leases_end()
        await lived(world, dispute)
        assert await lived(world, dispute) == RIGHT, f"{'after' if after else 'before'} unit {number}"
        assert {one["delivery"] for one in await received(world, f"i{number}")} == {dispute}
        await leases_end()


async def test_25_the_provider_is_asked_again_under_the_same_id_and_has_one_dispute(world, monkeypatch):
    dispute = await begun(world, 1)
    with monkeypatch.context() as patched:
        Units(patched, 2)  # the claim is the first; the provider is asked in between
        with pytest.raises(BaseExceptionGroup):
            await world.create_tick()
    assert await world.stands(dispute) == "CREATED"
    await leases_end()
    await world.create_tick()
    assert await world.stands(dispute) == "PENDING"
    (there,) = (await world.box.ask("quickpay/disputes"))["disputes"]
    assert (there["asked"], there["opened"]) == (2, 1)


@pytest.mark.parametrize("puts", [0, 1, 2])
async def test_given_a_death_while_a_dispute_is_created_then_there_is_none_and_its_files_are_orphans(
    world, monkeypatch, puts, nothing_written
):
    await world.payment()
    storage = world.make.http._transport.app.state.outside.storage
    put, count = type(storage).put, []

    async def dying(self, key, data, mime_type):
        if len(count) == puts:
            raise Killed
        count.append(key)
        await put(self, key, data, mime_type)

    with monkeypatch.context() as patched:
        if puts == 2:
            Units(patched, 1)
        else:
            patched.setattr(type(storage), "put", dying)
        async with nothing_written():
            with pytest.raises(BaseException) as died:
                await world.ask_to_create(attachments=[attached(), attached()])
            assert died.type is Killed
    assert len(await storage.older(-10, 100)) == puts
    assert (await world.ask_to_create(attachments=[attached(), attached()]))["__typename"] == "Dispute"
