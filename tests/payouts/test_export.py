"""What other systems are told of payouts: the stream `pm-events-payout`, `created` first, an entry for each number of the sequence,
in order, at least once, whatever becomes of Redis and of the relay. [spec/payouts §9, §13.49, §13.50]"""

from __future__ import annotations

import asyncio
from collections import defaultdict

import orjson
import pytest

from jobs.payouts import deliver_payouts
from jobs.relay import Relay
from models.events import positions
from models.events.cursors import read_seal
from models.kernel.sql import fetch, fetch_one, sql
from models.parties.lifecycle import ToolKind
from models.payouts import operations as payouts
from tests.feed.conftest import placed, running
from tests.payouts.shops import CANCEL, CONFIRM, CREATE, asked, merchant, paid_out, shop
from tests.payouts.test_deaths import Refusing
from tests.payouts.tills import Till, to_wallet, tools

STREAM = "pm-events-payout"
HOUSE = ToolKind.PAYMENT_INSTITUTION


async def entries(redis):
    """(key, value, epoch) of each, and its id."""
    return [
        (id.decode(), fields[b"key"].decode(), orjson.loads(fields[b"value"]), fields[b"epoch"].decode())
        for id, fields in await redis.xrange(STREAM)
    ]


async def told(redis, count):
    """(payout, sequence) of each entry, once there are so many."""
    async with asyncio.timeout(8):
        while len(found := await entries(redis)) < count:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)  # for what should not come
    found = await entries(redis)
    assert [int(id.split("-")[0]) for id, *_ in found] == sorted(int(id.split("-")[0]) for id, *_ in found)
    return [(key, value["sequence_id"]) for _, key, value, _ in found]


async def lives(make, its, *ids, amount="10.00"):
    """Each is created and confirmed."""
    for id in ids:
        await paid_out(make, its, amount, payout_id=id)
        await payouts.confirm(id, by=make.operator.viewer)


async def test_given_a_payout_when_created_and_cancelled_then_each_is_told_with_the_whole_payout(redis, make, relay):
    its = await shop(make)
    await paid_out(make, its, payout_id="a")
    await payouts.cancel("a", "too early", by=make.operator.viewer)
    assert await told(redis, 2) == [("a", 0), ("a", 1)]
    (_, _, created, epoch), (_, _, changed, _) = await entries(redis)
    row = await fetch_one(
        sql("SELECT s.*, p.created_at AS at FROM shop s JOIN payout p ON p.shop_id = s.id WHERE p.payout_id = 'a'")
    )
    fees = (
        await fetch_one(sql("SELECT id FROM ledger_account WHERE kind = 'system.settlement' AND currency = 'RUB'"))
    )["id"]
    rub = {"symbolic_code": "RUB"}

    def posting(to_type, to, amount):
        return {
            "source": {"account_type": "merchant_settlement", "account_id": row["settlement_account"]},
            "destination": {"account_type": to_type, "account_id": to},
            "volume": {"amount": amount, "currency": rub},
        }

    snapshot = {
        "payout_id": "a",
        "created_at": created["created_at"],
        "party_id": its.party_code,
        "shop_id": its.code,
        "status": {"unpaid": {}},
        "cash_flow": [
            posting("merchant_payout", row["payout_account"], 75_000),
            posting("system_settlement", fees, 25_000),
        ],
        "payout_tool_id": "own",
        "amount": 75_000,
        "fee": 25_000,
        "currency": rub,
    }
    assert created == {
        "payout_id": "a",
        "sequence_id": 0,
        "created_at": row["at"].isoformat(),
        "payout_change": {"created": {"payout": snapshot}},
        "payout": snapshot,
    }
    cancelled = {"cancelled": {"details": "too early"}}
    assert changed.pop("created_at") > created["created_at"]
    assert changed == {
        "payout_id": "a",
        "sequence_id": 1,
        "payout_change": {"status_changed": {"status": cancelled}},
        "payout": snapshot | {"status": cancelled},
    }
    assert epoch == (await read_seal()).epoch


@pytest.mark.parametrize(
    ("till", "statuses"),
    [(Till, ["unpaid", "confirmed"]), (Refusing, ["unpaid", "confirmed", "failed"])],
)
async def test_given_a_delivery_when_it_goes_its_way_then_only_the_statuses_of_the_payout_are_told(
    redis, make, relay, till, statuses
):
    await to_wallet(make)
    await deliver_payouts(tools(till()))
    assert await told(redis, len(statuses)) == [("a", n) for n in range(len(statuses))]
    assert [[*value["payout"]["status"]] for _, _, value, _ in await entries(redis)] == [[one] for one in statuses]
    changes = [value["payout_change"] for _, _, value, _ in await entries(redis)]
    assert [next(iter(change)) for change in changes] == ["created", *["status_changed"] * (len(statuses) - 1)]
    assert "delivery" not in orjson.dumps(changes).decode()


async def test_given_a_confirmed_one_that_is_reverted_when_told_then_sequence_two(redis, make, relay):
    its = await shop(make, tool=HOUSE)
    await lives(make, its, "a")
    await payouts.cancel("a", "wrong", by=make.operator.viewer)
    assert await told(redis, 3) == [("a", 0), ("a", 1), ("a", 2)]
    assert (await entries(redis))[2][2]["payout"]["status"] == {"cancelled": {"details": "wrong"}}


async def test_50_given_forty_that_are_confirmed_at_once_when_created_then_created_comes_first_for_each(
    redis, make, relay
):
    its = await shop(make, tool=HOUSE)

    async def life(id):
        await paid_out(make, its, "10.00", payout_id=id)
        await asyncio.gather(*(payouts.confirm(id, by=make.operator.viewer) for _ in range(3)))

    await asyncio.gather(*(life(f"p{n}") for n in range(40)))
    by_payout = defaultdict(list)
    for key, sequence in await told(redis, 80):
        by_payout[key].append(sequence)
    assert by_payout == {f"p{n}": [0, 1] for n in range(40)}


async def test_given_a_refused_create_and_repeated_verbs_when_told_then_nothing_more_than_happened(
    redis, make, relay, api
):
    its = await shop(make, tool=HOUSE)
    assert (await api(CREATE, by=merchant(its), input=asked(its, "2000.00")))["code"] == "INSUFFICIENT_FUNDS"
    await lives(make, its, "a")
    for _ in range(2):
        assert (await api(CREATE, by=merchant(its), input=asked(its, payoutId="a")))["code"] == "PAYOUT_ALREADY_EXISTS"
        await api(CONFIRM, by=make.operator, id="a")
    assert await told(redis, 2) == [("a", 0), ("a", 1)]


async def test_49_given_a_redis_that_is_gone_when_created_confirmed_cancelled_then_done_and_told_later(
    redis, redis_url, make, api, knobs, tmp_path
):
    its = await shop(make, tool=HOUSE)
    knobs(redis_url=f"unix://{tmp_path}/nobody.sock")
    async with running(Relay()):
        for id, query in (("a", CONFIRM), ("b", CANCEL)):
            made = await api(CREATE, by=make.operator, input=asked(its, "10.00", payoutId=id))
            assert made["status"] == "UNPAID"
            assert (await api(query, by=make.operator, id=id))["sequence"] == 1
        await placed()
        assert await entries(redis) == []
    knobs(redis_url=redis_url)
    async with running(Relay()):
        assert await told(redis, 4) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


async def test_49_given_a_redis_that_takes_no_more_when_it_has_room_again_then_told_in_order(redis, make, relay):
    its = await shop(make, tool=HOUSE)
    await lives(make, its, "a")
    assert await told(redis, 2) == [("a", 0), ("a", 1)]
    await redis.config_set("maxmemory", "1")
    try:
        await lives(make, its, "b")
        await placed()
        await asyncio.sleep(0.3)
    finally:
        await redis.config_set("maxmemory", "0")
    assert await told(redis, 4) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


async def test_given_an_emptied_redis_when_told_again_then_from_the_beginning_of_the_log(redis, make, relay):
    its = await shop(make, tool=HOUSE)
    await lives(make, its, "a", "b")
    before = await told(redis, 4)
    said = await entries(redis)
    await redis.flushall()
    await paid_out(make, its, "10.00", payout_id="c")
    assert await told(redis, 5) == [*before, ("c", 0)]
    assert (await entries(redis))[:4] == said  # to the letter, under the same ids


async def test_given_a_relay_that_was_stopped_when_another_begins_then_it_goes_on_where_that_was(redis, make):
    its = await shop(make, tool=HOUSE)
    async with running(Relay()):
        await lives(make, its, "a")
        await told(redis, 2)
    await lives(make, its, "b")
    async with running(Relay()):
        assert await told(redis, 4) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
        await redis.xadd("other", {"x": "y"})
    await redis.flushall()
    await paid_out(make, its, "10.00", payout_id="c")
    async with running(Relay()):
        assert await told(redis, 5) == [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("c", 0)]


async def test_given_two_relays_when_one_dies_then_the_other_tells_the_rest_once(redis, make):
    its = await shop(make, tool=HOUSE)
    async with running(Relay()):
        async with running(Relay()):
            await asyncio.sleep(0.3)
            await lives(make, its, "a")
            await told(redis, 2)
        await lives(make, its, "b")
        assert await told(redis, 4) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


async def test_given_a_stream_whose_readers_cut_off_what_they_have_read_when_told_then_only_what_is_new(
    redis, make, relay
):
    its = await shop(make, tool=HOUSE)
    await lives(make, its, "a", "b")
    await told(redis, 4)
    await redis.xtrim(STREAM, maxlen=1, approximate=False)
    await lives(make, its, "c")
    assert await told(redis, 3) == [("b", 1), ("c", 0), ("c", 1)]


async def test_given_a_stream_that_was_cut_off_whole_when_told_then_the_log_is_not_read_again_and_again(
    redis, make, monkeypatch
):
    """What was read and cut off was told: it is not sent again each second, for as long as nothing new happens."""
    its = await shop(make, tool=HOUSE)
    sent = []
    from jobs import publishing  # noqa: PLC0415

    send = publishing.Published.send

    async def counted(self, events):
        sent.append(len(events))
        return await send(self, events)

    monkeypatch.setattr(publishing.Published, "send", counted)
    async with running(Relay()):
        await lives(make, its, "a")
        await told(redis, 2)
        await redis.xtrim(STREAM, maxlen=0, approximate=False)
        await asyncio.sleep(1.5)
        sent.clear()
        await asyncio.sleep(2.5)
        assert sum(sent) == 0
        await lives(make, its, "b")
        assert await told(redis, 2) == [("b", 0), ("b", 1)]


async def test_given_a_bounded_stream_when_it_is_full_then_its_oldest_go(redis, make, relay, knobs):
    knobs(export_stream_max=100)
    its = await shop(make, tool=HOUSE)
    await asyncio.gather(*(paid_out(make, its, "1.00", payout_id=f"p{n}") for n in range(250)))
    async with asyncio.timeout(8):
        while (await redis.xinfo_stream(STREAM))["entries-added"] < 250:
            await asyncio.sleep(0.02)
    assert await redis.xlen(STREAM) < 250


async def test_given_a_log_that_was_restored_when_told_then_all_of_it_anew_under_its_epoch(redis, make, relay):
    its = await shop(make, tool=HOUSE)
    await lives(make, its, "a")
    before = await told(redis, 2)
    first = (await read_seal()).epoch
    await positions.begin_epoch()
    async with asyncio.timeout(8):
        while {epoch for *_, epoch in await entries(redis)} != {(await read_seal()).epoch}:
            await asyncio.sleep(0.05)
    assert await told(redis, 2) == before
    assert (await read_seal()).epoch != first
    await paid_out(make, its, "10.00", payout_id="b")
    assert await told(redis, 3) == [*before, ("b", 0)]


async def test_given_others_events_between_when_told_then_ids_are_the_places_of_payouts_alone(redis, make, relay):
    its = await shop(make, tool=HOUSE)
    await lives(make, its, "a")
    await make.person("1 EUR")
    await lives(make, its, "b")
    await told(redis, 4)
    rows = await fetch(
        sql("SELECT p.position FROM place p JOIN event e ON e.id = p.event_id WHERE e.noun = 'payout' ORDER BY 1")
    )
    assert [id for id, *_ in await entries(redis)] == [f"{row['position']}-0" for row in rows]


@pytest.mark.broken_books
async def test_without_its_sequence_in_the_row_a_consumer_would_see_one_number_twice(redis, make, relay, monkeypatch):
    """Why the number is counted under the payout's lock, with the status: taken from elsewhere it repeats itself."""
    its = await shop(make, tool=HOUSE)
    from models.payouts.operations import ending  # noqa: PLC0415

    async def uncounted(work, payout, move, **facts):
        return await work.move(payout, move, **facts)

    monkeypatch.setattr(ending, "moved", uncounted)
    await lives(make, its, "a")
    assert await told(redis, 2) == [("a", 0), ("a", 0)]
