"""Disputes that only a new one can mend: hidden from their merchants, shown to staff with the reason. And files of which some are
gone. [spec/disputes §2.4; §11, 13, 24]"""

from __future__ import annotations

import pytest

from models.kernel.sql import fetch, sql
from tests.disputes.world import JPEG, MERCHANT, PNG, READ_AS_MERCHANT, attached

LIST = "query ($w: String) { disputes(filter: {search: $w}) { totalCount edges { node { disputeId } } } }"
COUNTS = "{ disputeCounts { publicStatus status count needsAttention } }"
UNKNOWN = "00000000-0000-0000-0000-000000000000"
NOT_FOUND = {"code": "DISPUTE_NOT_FOUND", "status": 404}


async def listed(world, by, words=None):
    """The ids that somebody is shown, and how many there are said to be."""
    page = await world.make.ask(LIST, by=by, **({} if words is None else {"w": words}))
    return page["totalCount"], {edge["node"]["disputeId"] for edge in page["edges"]}


async def counted(world, by):
    """What somebody counts."""
    return {tuple(one.values()) for one in await world.make.ask(COUNTS, by=by)}


# what becomes impossible


async def files_go(world):
    storage = world.tools.outside.storage
    await storage.remove(list(await storage.older(-10, 100)))


async def invoice_goes(world):
    await world.box.tell("reset", system="billing")


async def payment_goes(world):
    """The invoice has another one now."""
    await world.box.tell("reset", system="billing")
    await world.payment("inv", "another")


async def money_goes_back(world):
    await world.status("refunded")


REASONS = {
    "no attachments": files_go,
    "invoice not found": invoice_goes,
    "payment not found": payment_goes,
    "payment status restrictions: refunded": money_goes_back,
}


@pytest.mark.parametrize("why", REASONS)
async def test_13_whatever_cannot_be_mended_is_hidden_from_its_merchant_and_shown_to_staff(world, make, why):
    dispute = await world.created()
    before = await world.read(dispute, MERCHANT)
    assert (before["publicStatus"], before["publicReason"]) == ("PENDING", None)
    await REASONS[why](world)
    await world.create_tick()
    beside = await world.created("beside")

    for by in (make.operator, make.auditor):
        read = await world.read(dispute, by)
        assert (read["status"], read["technicalError"]) == ("FAILED", why)
        assert (read["publicStatus"], read["publicReason"]) == ("FAILED", "server_error")
        assert await listed(world, by) == (2, {dispute, beside})
        assert await listed(world, by, dispute) == await listed(world, by, "inv") == (1, {dispute})
        assert await counted(world, by) == {("PENDING", "CREATED", 1, 0), ("FAILED", "FAILED", 1, 0)}

    for ref in ({"disputeId": dispute}, {"payment": {"invoiceId": "inv", "paymentId": "pay"}}, {"disputeId": UNKNOWN}):
        assert await make.error(READ_AS_MERCHANT, by=MERCHANT, ref=ref) == NOT_FOUND
    assert await listed(world, MERCHANT) == (1, {beside})
    assert await listed(world, MERCHANT, beside) == (1, {beside})
    assert await listed(world, MERCHANT, dispute) == await listed(world, MERCHANT, "inv") == (0, set())
    assert await counted(world, MERCHANT) == {("PENDING", None, 1, None)}

    world.knobs(dispute_hide_unrecoverable=False)
    told = await world.read(dispute, MERCHANT)
    assert (told["publicStatus"], told["publicReason"]) == ("FAILED", "server_error")
    assert await listed(world, MERCHANT) == (2, {dispute, beside})
    assert await listed(world, MERCHANT, dispute) == await listed(world, MERCHANT, "inv") == (1, {dispute})
    assert await counted(world, MERCHANT) == {("PENDING", None, 1, None), ("FAILED", None, 1, None)}


# files of which some are gone


async def test_24_of_three_files_the_provider_is_shown_the_two_that_are_there(world, make):
    kept = (PNG, PNG + b"another")
    files = [attached(kept[0]), attached(JPEG, "image/jpeg"), attached(kept[1])]
    dispute = await world.created(paid={"providerTrxId": "trx-undecided"}, attachments=files)
    ((gone,),) = await fetch(sql("SELECT key FROM dispute_attachment WHERE mime_type = 'image/jpeg'"))
    await world.tools.outside.storage.remove([gone])
    await world.create_tick()
    read = await world.read(dispute)
    assert (read["status"], read["technicalError"]) == ("PENDING", None)
    (there,) = (await world.box.ask("quickpay/disputes"))["disputes"]
    assert [one["mimeType"] for one in there["attachments"]] == ["image/png", "image/png"]
    urls = [one["url"] for one in there["attachments"]]
    shown = [await make.http.get(url[url.index("/attachments/") :]) for url in urls]
    assert [(one.status_code, one.content) for one in shown] == [(200, data) for data in kept]
