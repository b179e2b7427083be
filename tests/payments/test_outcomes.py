"""Whatever a call of the node comes to, at whatever step: nothing wrong is written, it is told once, and quiet ticks lead to
the books of a run that nothing disturbed. [spec/deals §7.1, §13.20-21]"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest

from gateways.tron import node
from gateways.tron.addresses import body_of
from models.kernel.clock import now
from models.kernel.sql import fetch, sql
from tests.sandbox.playing import MAIN, USDT

MISHAPS = {
    "refuse": {"outcome": "refuse"},
    "error": {"outcome": "error"},
    "rate limit": {"outcome": "rate_limit"},
    "timeout": {"outcome": "timeout"},
    "lost answer": {"outcome": "lost_answer", "times": 2},  # what has no effect is asked once more at once
    "slow": {"outcome": "slow", "seconds": 20},
    "html": {"outcome": "malformed", "as": "html"},
    "truncated": {"outcome": "malformed", "as": "truncated"},
    "shape": {"outcome": "malformed", "as": "shape"},
}
TOP_UP, SWEEP_FEE, ACTIVATION = 8_114_200, 6_428_500, 1_100_000
"""In sun: what is sent to an address, what a sweep burns of it, and what sending it costs."""


@pytest.fixture
async def world(world, knobs):
    """The main wallet holds a coin already, so that every sweep costs the same."""
    knobs(tron_scan_blocks=12)
    await world.box.deposit(MAIN, "1")
    await world.tick()
    return world


class Flow:
    """Payments of different amounts, each with a customer of its own; what becomes of them, and what of the chain."""

    def __init__(self, world, sentry):
        self.world, self.sentry, self.payments, self.txs, self.told = world, sentry, {}, {}, 0

    async def begin(self, *names, hidden=False):
        for name in names:
            amount = f"{100 + len(self.payments)} USDT"
            self.payments[name] = payment = await self.world.create(amount)
            self.txs[name] = await self.world.pay(payment, amount.split(maxsplit=1)[0])
            if hidden:
                await self.world.box.tell("tron/lie", hideLogs=self.txs[name])

    async def sweeps(self, name):
        number = self.payments[name]["number"]
        rows = await fetch(
            sql(
                "SELECT purpose, status, tx_id, amount_minor, fee_minor FROM sweep WHERE payment_id = {} ORDER BY id",
                number,
            )
        )
        return [tuple(row) for row in rows]

    async def under_way(self, name):
        return [(purpose, status) for purpose, status, *_ in await self.sweeps(name)]

    async def failed_once(self, name, step, sweeps, credited=True):
        """The payment waits, says at which step it failed, and Sentry heard of it once."""
        read = await self.world.read(self.payments[name])
        assert (name, read["status"], read["needsAttention"]) == (name, "WAITING", False)
        assert (name, read["check"]["failures"], read["check"]["failedStep"]) == (name, 1, step)
        assert read["check"]["lastError"].split(":")[0] in {"Unsure", "Refused"}, read["check"]["lastError"]
        received = read["received"]["amount"] if credited else "0.000000"
        assert (name, read["received"]["amount"]) == (name, received)
        assert (read["received"]["amount"] == "0.000000") is not credited
        assert (name, read["wallet"]["status"]) == (name, "RECEIVED" if credited else "WAITING")
        assert read["wallet"]["swept"]["amount"] == "0.000000"
        assert (name, await self.under_way(name)) == (name, sweeps)
        subject = f"payment:{self.payments[name]['number']}"
        told = [event for event in self.sentry if event["tags"]["subject"] == subject]
        assert [event["tags"] for event in told] == [
            {
                "job": "check_payments",
                "step": step,
                "subject": subject,
                "gateway": "tron",
                "attempt": "1",
                "attention": "False",
            }
        ]

    async def events(self, name):
        subject = f"payment:{self.payments[name]['number']}"
        return [
            row["name"]
            for row in await fetch(sql("SELECT name FROM event WHERE subject = {} ORDER BY version", subject))
        ]

    async def ends_as_if_undisturbed(self, told_as=("open", "credit_deposit", "settle")):
        told = len(self.sentry)
        await self.world.done()
        assert len(self.sentry) == told
        for name, payment in self.payments.items():
            await self._ended(name, payment)
            assert (name, tuple(await self.events(name))) == (name, told_as)
        amounts = [payment["amount"]["amount"].replace(".", "") for payment in self.payments.values()]
        assert await self.world.main_received() == sorted(["1000000", *amounts])
        count, total = len(amounts), sum(map(int, amounts))
        rows = await fetch(sql("""SELECT name, currency, a.own + coalesce((SELECT sum(own_delta) FROM ledger_delta d
              WHERE d.account_id = a.id), 0) AS own FROM ledger_account a WHERE kind <> 'person.available'"""))  # fmt: skip
        assert {(row["name"], row["currency"]): -row["own"] for row in rows} == {
            ("gateway:tron:deposit", "USDT"): 0,
            ("gateway:tron:deposit", "TRX"): count * (TOP_UP - SWEEP_FEE),
            ("treasury:tron:main", "USDT"): total,
            ("treasury:tron:main", "TRX"): -count * (TOP_UP + ACTIVATION),
            ("expense:network_fee", "TRX"): count * (SWEEP_FEE + ACTIVATION),
        }
        await self._sent_as_it_was_signed()

    async def _ended(self, name, payment):
        read, amount = await self.world.read(payment), payment["amount"]["amount"]
        check = read["check"]
        assert (name, check["failures"], check["failedStep"], check["lastError"]) == (name, 0, None, None)
        assert (name, read["status"], read["exception"], read["received"]["amount"]) == (
            name,
            "SUCCESS",
            "NONE",
            amount,
        )
        wallet = {of: read["wallet"][of]["amount"] for of in ("received", "swept")}
        assert (read["wallet"]["status"], wallet) == ("TRANSFERED", {"received": amount, "swept": amount})
        (deposit,) = read["deposits"]
        assert (deposit["txId"], deposit["droppedAt"], deposit["creditedAt"] is None) == (self.txs[name], None, False)
        minor = int(amount.replace(".", ""))
        assert (name, [(p, s, a, fee) for p, s, _, a, fee in await self.sweeps(name)]) == (
            name,
            [("top_up", "confirmed", TOP_UP, ACTIVATION), ("sweep", "confirmed", minor, SWEEP_FEE)],
        )
        assert (await self.world.make.available(payment["personNumber"], "USDT")).minor == minor

    async def _sent_as_it_was_signed(self):
        """One transaction of each kind for each payment, however often it was sent, and every time the same bytes."""
        raws = {row["raw_tx"] for row in await fetch(sql("SELECT raw_tx FROM sweep"))}
        calls = await self.world.calls("broadcasthex")
        assert ({call["body"]["transaction"] for call in calls}, len(raws)) == (raws, 2 * len(self.payments))
        assert sum(call["effect"] for call in calls) == len(raws)


@pytest.fixture
def flow(world, sentry):
    return Flow(world, sentry)


async def test_an_undisturbed_run_tells_nobody_anything(flow):
    await flow.begin("one", "two", "three")
    await flow.ends_as_if_undisturbed()
    assert flow.sentry == []


# --- calls about one payment: its name is in them, so that each outcome has its own, all in one tick ------------------------


@dataclass(frozen=True)
class Point:
    """A call of the flow: after how many ticks it is made, at which step, and what is under way by then. `about` is how its
    path and body name the payment."""

    operation: str
    about: str
    ticks: int
    step: str
    sweeps: list
    credited: bool = True
    hidden: bool = False
    with_pool: bool = True


ASKED = '{address}","contract_address":"{contract}","function_selector":"'
RECEIPT, ANYWHERE = (f'{side}/gettransactioninfobyid{{{{"value":"{{sent}}' for side in ("walletsolidity", "wallet"))
CONFIRMED = ("top_up", "confirmed")
TO_PAY, TO_SWEEP = [("top_up", "broadcast")], [CONFIRMED, ("sweep", "broadcast")]
POINTS = {
    "the receipt of a deposit": Point("gettransactioninfobyid", "{deposit}", 0, "BALANCE", [], credited=False),
    "the balance of an address": Point(
        "triggerconstantcontract", f"{ASKED}balanceOf", 0, "BALANCE", [], credited=False
    ),
    "the index of an address": Point("trc20", "{address}", 0, "BALANCE", [], credited=False, hidden=True),
    "whether an address is active": Point("getaccount", "{address}", 0, "SWEEP", []),
    "what a transfer would cost": Point("triggerconstantcontract", f"{ASKED}transfer", 0, "SWEEP", []),
    "the broadcast of a top-up": Point("broadcasthex", "{owner}", 0, "SWEEP", TO_PAY),
    "the receipt of a top-up": Point("gettransactioninfobyid", RECEIPT, 1, "SWEEP", TO_PAY),
    "a top-up in any block": Point("gettransactioninfobyid", ANYWHERE, 1, "SWEEP", TO_PAY, with_pool=False),
    "what an address has of energy": Point("getaccountresource", "{address}", 1, "SWEEP", [CONFIRMED]),
    "the broadcast of a sweep": Point("broadcasthex", "{owner}", 1, "SWEEP", TO_SWEEP),
    "the receipt of a sweep": Point("gettransactioninfobyid", RECEIPT, 2, "SWEEP", TO_SWEEP),
    "a sweep in any block": Point("gettransactioninfobyid", ANYWHERE, 2, "SWEEP", TO_SWEEP, with_pool=False),
}


@pytest.mark.parametrize("called", POINTS)
async def test_whatever_a_call_comes_to_its_payment_fails_there_and_ends_well(world, flow, called):
    point = POINTS[called]
    await flow.begin(*MISHAPS, hidden=point.hidden)
    for number in range(1, point.ticks + 1):
        await world.tick()
        await world.box.tell("tron/mine", withPool=point.with_pool or number < point.ticks)
    if point.hidden:
        await world.tick()  # reads the blocks, in which nothing is to be seen
        await due_now()
    for name, mishap in MISHAPS.items():
        once = {"times": 1} if point.operation == "broadcasthex" else {}  # that is never asked once more at once
        await world.script(point.operation, match=await about(flow, point, name), **mishap | once)
    await world.tick()
    assert (await world.box.ask("scripts"))["scripts"] == []
    for name in MISHAPS:
        sweeps = list(point.sweeps)
        if point.operation == "broadcasthex" and name == "refuse":  # the node did not take it, that much is known
            sweeps[-1] = (sweeps[-1][0], "signed")
        await flow.failed_once(name, point.step, sweeps, point.credited)
    assert len(flow.sentry) == len(MISHAPS)
    if point.hidden:
        await due_now()  # what there was only to be asked about is asked about again in a minute
    await flow.ends_as_if_undisturbed()


async def about(flow, point, name):
    address = flow.payments[name]["gatewayData"]["address"]
    sweeps = await flow.sweeps(name)
    return point.about.format(
        address=address,
        owner=body_of(address).hex(),
        contract=USDT,
        deposit=flow.txs[name],
        sent=sweeps[-1][2] if sweeps else "",
    )


async def due_now():
    """What would be asked about in a minute is asked about now."""
    await fetch(sql("UPDATE payment SET next_check_at = saldo_now() RETURNING 1"))


# --- calls about no payment: one mishap after the other ---------------------------------------------------------------------


def wait_for(knobs, mishap):
    """Some last as long as anybody waits for an answer: not long, and for no other answer as short."""
    knobs(outside_timeout_seconds=0.6 if mishap["outcome"] in {"timeout", "slow"} else 5)


NOT_READ = [{"job": "check_payments", "step": "SCAN", "subject": "tron"}]


@pytest.mark.parametrize("called", ["the solid head", "the receipts of a block", "a block without transactions"])
async def test_whatever_a_block_comes_to_nothing_is_written_and_it_is_read_again(
    world, flow, nothing_written, knobs, called
):
    empty = (await world.box.tell("tron/mine"))["head"]
    await flow.begin("deposit")
    operation, asked = {
        "the solid head": ("getnowblock", ""),
        "the receipts of a block": ("gettransactioninfobyblocknum", f'{{"num":{empty + 1}'),
        "a block without transactions": ("getblockbynum", f'{{"num":{empty}'),
    }[called]
    match = f"walletsolidity/{operation}{asked}"
    for name, mishap in MISHAPS.items():
        await world.script(operation, match=match, **mishap)
        async with nothing_written():
            await world.tick()
        assert (name, [event["tags"] for event in flow.sentry]) == (name, NOT_READ)  # once, until it can be read
        assert (await world.box.ask("scripts"))["scripts"] == []
    await flow.ends_as_if_undisturbed()


@pytest.mark.parametrize("called", ["getnowblock", "gettransactioninfobyblocknum", "getblockbynum"])
async def test_whatever_news_come_to_nothing_is_written_and_they_are_told_later(
    world, flow, nothing_written, called, knobs
):
    """Of a block that is not solid yet, and of an empty one below it."""
    await world.box.tell("tron/settings", solidAfter=2)
    empty = (await world.box.tell("tron/mine"))["head"]
    await flow.begin("deposit")
    await world.script("getnowblock", "error", match="tron/wallet/")
    await world.tick()  # reads what is solid
    asked = {"gettransactioninfobyblocknum": f'{{"num":{empty + 1}', "getblockbynum": f'{{"num":{empty}'}
    for name, mishap in MISHAPS.items():
        wait_for(knobs, mishap)
        await world.script(called, match=f"tron/wallet/{called}{asked.get(called, '')}", **mishap)
        async with nothing_written():
            await world.tick()
        assert (name, [event["tags"] for event in flow.sentry]) == (name, NOT_READ)
        assert (await world.box.ask("scripts"))["scripts"] == []
    await world.tick()
    assert await flow.events("deposit") == ["open", "see_deposit"]
    await world.box.tell("tron/settings", solidAfter=0)
    await world.box.tell("tron/mine")
    await flow.ends_as_if_undisturbed(("open", "see_deposit", "credit_deposit", "settle"))


@pytest.mark.parametrize(
    ("operation", "sweeps"), [("getchainparameters", []), ("getnowblock", [("top_up", "planned")])]
)
async def test_whatever_prices_and_the_block_to_refer_to_come_to_the_payment_waits(
    world, flow, monkeypatch, knobs, operation, sweeps
):
    monkeypatch.setattr(node, "PRICES_KEPT_SECONDS", 0)
    for name, mishap in MISHAPS.items():
        wait_for(knobs, mishap)
        await flow.begin(name)
        if operation == "getnowblock":  # the scan asks for it first
            await world.script(operation, "slow", seconds=0, match="walletsolidity/")
        side = "walletsolidity/" if operation == "getnowblock" else "wallet/"
        await world.script(operation, match=side, **mishap)
        await world.tick()
        assert (await world.box.ask("scripts"))["scripts"] == []
        await flow.failed_once(name, "SWEEP", sweeps)
        await world.done()
    assert len(flow.sentry) == len(MISHAPS)
    await flow.ends_as_if_undisturbed()


# --- mishaps that are none, and one that does not end -----------------------------------------------------------------------

QUESTIONS = (
    "getnowblock", "gettransactioninfobyblocknum", "getblockbynum", "gettransactioninfobyid", "triggerconstantcontract",
    "getaccount", "getaccountresource", "getchainparameters",
)  # fmt: skip


@pytest.mark.parametrize("mishap", [{"outcome": "lost_answer"}, {"outcome": "timeout", "seconds": 0.01}])
async def test_a_question_whose_connection_is_lost_once_is_asked_again_and_nobody_is_told(world, flow, mishap):
    await world.box.tell("tron/mine")
    await flow.begin("one")
    for operation in QUESTIONS:
        await world.script(operation, **mishap)
    await flow.ends_as_if_undisturbed()
    assert (await world.box.ask("scripts"))["scripts"] == []
    assert flow.sentry == []


async def test_answers_that_are_slow_but_come_in_time_disturb_nobody(world, flow):
    await flow.begin("one", "two")
    await world.script("*", "slow", seconds=0.02, times=1_000)
    await flow.ends_as_if_undisturbed()
    assert flow.sentry == []


async def test_a_step_that_fails_again_and_again_is_told_twice_and_waits_longer_and_longer(world, flow):
    await flow.begin("one")
    await world.script("broadcasthex", "error", times=8)
    pauses = []
    for _ in range(8):
        await world.tick()
        check = (await world.read(flow.payments["one"]))["check"]
        pauses.append(round((datetime.fromisoformat(check["nextCheckAt"]) - now()).total_seconds() / 60))
        assert (check["failures"], check["failedStep"]) == (len(pauses), "SWEEP")
        await due_now()
    assert pauses == [0, 0, 0, 0, 0, 2, 4, 8]
    tags = [(event["tags"]["step"], event["tags"]["attempt"], event["tags"]["attention"]) for event in flow.sentry]
    assert tags == [("SWEEP", "1", "False"), ("SWEEP", "5", "True")]
    assert len({tuple(event["fingerprint"]) for event in flow.sentry}) == 2
    assert (await world.read(flow.payments["one"]))["needsAttention"]
    await world.tick()
    assert not (await world.read(flow.payments["one"]))["needsAttention"]
    await flow.ends_as_if_undisturbed(("open", "credit_deposit", "call_for_attention", "recover", "settle"))
