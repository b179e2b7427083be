"""What stands on the chain beside what is owed: told where it is less, and nothing is made of no answer. [spec/deals §7.5]"""

from __future__ import annotations

import pytest
import sentry_sdk

from gateways.receipts import Unsure
from jobs.reserves import prove_reserves
from tests.payments.standing import mine
from tests.sandbox.playing import MAIN


@pytest.fixture
def messages(monkeypatch):
    """What Sentry was told of reserves: (level, words)."""
    said = []

    def capture(words, level):
        if not words.startswith("coins of payment"):  # that they stay where they are is told by the check
            said.append((level, words))

    monkeypatch.setattr(sentry_sdk, "capture_message", capture)
    return said


@pytest.fixture(autouse=True)
def _coins_stay(knobs):
    """Where an address cannot pay for its sweep, and nobody pays for it."""
    knobs(tron_main_key="")


async def credited(world, *amounts):
    """Payments of which the coins stay on their addresses."""
    made = [await world.create(f"{amount} USDT") for amount in amounts]
    for payment, amount in zip(made, amounts, strict=True):
        await world.pay(payment, amount)
    await world.tick()
    return made


def address(payment):
    return payment["gatewayData"]["address"]


async def proved(world):
    return (await prove_reserves(world.tools)).result


async def lie(world, of, balance):
    await world.box.tell("tron/lie", address=of, balance=balance)


def answers(monkeypatch, world, **by_address):
    """Balances in turns, then the true ones; None is no answer."""
    token_balance = world.outside.node.token_balance

    async def told(of):
        if not by_address.get(of):
            return await token_balance(of)
        turn = by_address[of].pop(0)
        if turn is None:
            raise Unsure("tron", "balance", "no answer")
        return turn

    monkeypatch.setattr(world.outside.node, "token_balance", told)


async def test_what_is_there_is_found_and_nobody_hears_of_it(world, messages):
    await credited(world, "100", "50")
    found = await proved(world)
    assert (found["deposits_minor"], found["liabilities_minor"], found["addresses"]) == (150_000_000, 150_000_000, 2)
    assert (found["unanswered"], found["not_asked"], found["differences"], messages) == (0, 0, [], [])


async def test_an_address_that_gives_no_answer_stops_nothing_and_proves_nothing(world, messages, monkeypatch):
    first, _ = await credited(world, "100", "50")
    answers(monkeypatch, world, **{address(first): [None]})
    found = await proved(world)
    assert (found["deposits_minor"], found["addresses"], found["unanswered"]) == (50_000_000, 2, 1)
    assert (found["differences"], messages) == ([], [])


async def test_what_is_missing_is_told_once_it_is_missing_twice(world, messages, monkeypatch):
    first, second = await credited(world, "100", "50")
    with monkeypatch.context() as patched:
        answers(patched, world, **{address(first): [99_000_000], address(second): [0, None]})
        found = await proved(world)
    assert [level for level, _ in messages] == ["warning"]  # there is less than is owed
    messages.clear()
    await lie(world, address(first), "99")
    found = await proved(world)
    assert found["differences"][0] == f"{address(first)} holds 99000000 of 100000000 USDT units"
    assert [level for level, _ in messages] == ["fatal", "warning"]


async def test_what_is_under_way_from_one_address_excuses_no_other(world, messages):
    first, second = await credited(world, "100", "100")
    await world.box.tell("tron/account", address=address(first), trx="40")
    await world.make.ask(RECHECK, by=world.make.operator, n=first["number"])
    await world.tick()
    assert await world.sweeps() == [("sweep", "broadcast")]
    await mine(world)
    found = await proved(world)
    assert (found["main_minor"], found["deposits_minor"], found["differences"]) == (100_000_000, 100_000_000, [])
    await lie(world, address(second), "0")
    assert (await proved(world))["differences"] == [f"{address(second)} holds 0 of 100000000 USDT units"]


RECHECK = """mutation ($n: Int!) { recheckPayment(input: {payment: {number: $n}}) { ... on JobRun { status } } }"""


async def test_those_with_the_most_are_asked_and_the_rest_is_counted(world, messages, knobs):
    knobs(reserves_addresses_max=2)
    await credited(world, "10", "300", "20", "200")
    before = len(await world.calls("triggerconstantcontract"))
    found = await proved(world)
    assert (found["addresses"], found["not_asked"], found["deposits_minor"]) == (2, 2, 500_000_000)
    assert (found["differences"], messages) == ([], [])
    assert len(await world.calls("triggerconstantcontract")) == before + 3


async def test_more_that_is_owed_than_there_is_is_a_warning(world, make, messages):
    await make.person("7 USDT")
    found = await proved(world)
    assert found["differences"] == ["7.000000 USDT are owed, and no more than 0.000000 USDT stand on the chain"]
    assert messages == [("warning", f"more is owed than stands on the chain: {found['differences'][0]}")]


async def test_a_main_wallet_with_less_than_the_books_say_is_told(world, messages):
    payment = await world.create()
    await world.box.tell("tron/account", address=address(payment), trx="40")
    await world.pay(payment)
    await world.done()
    assert ((await proved(world))["differences"], messages) == ([], [])
    await lie(world, MAIN, "99")
    assert "the main wallet holds" in (await proved(world))["differences"][0]
