"""What the doctor says of payments, of where payouts are sent, and of who is asked about disputes. [server/doctor_*.py]"""

from __future__ import annotations

import pytest

from models.kernel.sql import transaction
from models.payments import operations
from models.payments.operations import Terms
from server.doctor_disputes import disputes
from server.doctor_payments import payments
from server.doctor_payouts import payouts
from tests.disputes.world import world_beside
from tests.make import money
from tests.payments.conftest import world
from tests.sandbox.conftest import box

__all__ = ["box", "world"]
pytestmark = pytest.mark.usefixtures("database")
EUR = {"EUR": (money("1 EUR"), money("100 EUR"))}


async def said() -> dict[str, tuple[str, str]]:
    return {one.what: (one.found, one.advice) for one in await payments(database=True)}


async def test_all_is_well_beside_a_node_that_answers(world):
    payment = await world.create()
    await world.pay(payment)
    await world.tick()
    found = await said()
    assert [what for what, (_, advice) in found.items() if advice] == []
    assert found["Tron"][0] == "offered"
    assert found["Tron's keys"][0] == "fit"
    assert found["Tron's index"][0] == "answers"
    assert found["Tron's scan"][0] == "0 blocks behind"
    assert found["gateways"][0] == "usdt"
    assert found["payments"][0] == "0 need attention"


async def test_a_node_that_does_not_answer_or_stands_still(world, knobs):
    knobs(tron_url="http://127.0.0.1:1")
    assert (await said())["Tron's node"][1] == "Are SALDO_TRON_URL and SALDO_TRON_API_KEY right?"
    knobs(tron_url="", port=1)
    assert (await said())["Tron's node"][1] == "Does `saldo sandbox` run?"
    knobs(tron_url=f"{world.box.url}/tron", clock_offset_seconds=3_600)
    assert (await said())["Tron's node"][1] == "It stands still: use another node."


async def test_a_node_without_an_index_is_no_illness(world):
    await world.box.tell("tron/lie", index=False)
    assert (await said())["Tron's index"] == ("none: what the scan does not see is not found by address either", "")


async def test_a_scan_that_was_left_behind(world):
    await world.tick()
    await world.box.tell("tron/mine", blocks=300)
    found = (await said())["Tron's scan"]
    assert (found[0], "Does a worker run?" in found[1]) == ("300 blocks behind", True)


@pytest.mark.parametrize(
    ("given", "what", "found"),
    [
        ({"tron_contract": "nonsense"}, "Tron", "SALDO_TRON_CONTRACT is not an address of Tron"),
        ({"tron_main_key": "11" * 32}, "Tron's keys", "SALDO_TRON_MAIN_KEY is not the key of SALDO_TRON_MAIN_WALLET"),
        ({"tron_private_key": "xprv"}, "Tron's keys", "SALDO_TRON_PRIVATE_KEY is not an extended key"),
    ],
)
async def test_settings_that_are_wrong_are_named(world, knobs, given, what, found):
    knobs(**given)
    told = (await said())[what]
    assert (told[0], bool(told[1])) == (found, True)


async def test_the_api_needs_no_private_key(world, knobs):
    knobs(tron_private_key="", tron_main_key="")
    found = (await said())["Tron's keys"]
    assert (found[0].startswith("the public one alone"), found[1]) == (True, "")


async def test_a_gateway_that_is_offered_and_cannot_be_had(make, knobs):
    await operations.upsert_gateway("bank", Terms("Bank", "bank_transfer", EUR), by=make.operator.viewer)
    await operations.upsert_gateway("odd", Terms("Odd", "bank_transfer", EUR), by=make.operator.viewer)
    async with transaction() as db:
        await db.execute("UPDATE payment_gateway SET service = 'pigeons' WHERE code = 'odd'")
    knobs(bank_account="", bank_secret="")
    found = await said()
    assert found["bank"][0] == "not offered: SALDO_BANK_ACCOUNT and SALDO_BANK_SECRET are not set"
    assert found["gateway bank"][1] == "Set SALDO_BANK_ACCOUNT and SALDO_BANK_SECRET, or disable it."
    assert found["gateway odd"][1] == "Nobody here knows the service pigeons: change it."


async def test_a_payment_that_calls_for_a_human_is_told(world):
    await world.create()
    async with transaction() as db:
        await db.execute("UPDATE payment SET needs_attention = true")
    found, advice = (await said())["payments"]
    assert (found, "needsAttention: true" in advice) == ("1 need attention", True)


# --- where payouts are sent


async def said_of_payouts() -> dict[str, tuple[str, str]]:
    return {one.what: (one.found, one.advice) for one in await payouts()}


@pytest.fixture
def connected(box, knobs):
    knobs(wallets_url=f"{box.url}/wallets", transfers_url=f"{box.url}/transfers", outside_timeout_seconds=1)


async def test_systems_that_answer(connected):
    assert await said_of_payouts() == {"wallets": ("answers", ""), "transfers": ("answers", "")}


async def test_a_wrong_token_or_address_is_told_without_the_token(connected, knobs):
    knobs(wallets_token="wrong-token", transfers_url="http://127.0.0.1:1")
    found = await said_of_payouts()
    assert found["wallets"] == (
        "no answer: wallets gave no answer to find: status 401",
        "Are SALDO_WALLETS_URL and SALDO_WALLETS_TOKEN right?",
    )
    assert found["transfers"][1] == "Are SALDO_TRANSFERS_URL and SALDO_TRANSFERS_TOKEN right?"
    assert "wrong-token" not in str(found)
    knobs(wallets_url="", port=1)
    assert (await said_of_payouts())["wallets"][1] == "Does `saldo sandbox` run?"


async def test_what_nothing_could_be_sent_with_is_named_and_not_shown(connected, knobs):
    knobs(wallets_token="two words", transfers_url="http://bank:nonsense")
    advice = "A worker does not start so: set it rightly."
    assert await said_of_payouts() == {
        "wallets": ("SALDO_WALLETS_TOKEN must be of visible ASCII characters, without blanks", advice),
        "transfers": ("SALDO_TRANSFERS_URL is no address", advice),
    }


async def test_the_api_needs_no_tokens_and_a_bank_may_be_told_by_hand(connected, knobs):
    knobs(wallets_token="", transfers_enabled=False)
    found = await said_of_payouts()
    assert found["wallets"] == ("connected; no token here, which is right for the API; a worker needs it", "")
    assert found["transfers"] == ("by hand: SALDO_TRANSFERS_URL is not set, or SALDO_TRANSFERS_ENABLED is false", "")
    knobs(env="production", wallets_url="", transfers_token="t", transfers_url="https://x", token_secret="t" * 32)
    knobs(
        tron_contract="", tron_main_wallet="", tron_public_key="", tron_private_key="", tron_main_key="", bank_secret=""
    )
    assert (await said_of_payouts())["wallets"][0].startswith("not connected: SALDO_WALLETS_URL is not set")


# --- who is asked about disputes


async def said_of_disputes() -> dict[str, tuple[str, str]]:
    return {one.what: (one.found, one.advice) for one in await disputes(database=False)}


async def test_billing_answers_and_the_desk_is_not_asked(box, knobs):
    knobs(billing_url=f"{box.url}/billing", support_url=f"{box.url}/support")
    assert await said_of_disputes() == {"billing": ("answers", ""), "support": ("connected", "")}
    calls = (await box.ask("calls"))["calls"]
    assert [(call["system"], call["operation"], call["effect"]) for call in calls] == [("billing", "payment", False)]


async def test_billing_that_does_not_know_us_or_is_not_there(box, knobs):
    knobs(billing_url=f"{box.url}/billing", billing_token="wrong-token")
    found = (await said_of_disputes())["billing"]
    assert found == (
        "no answer: billing gave no answer to payment: status 401",
        "Are SALDO_BILLING_URL and SALDO_BILLING_TOKEN right?",
    )
    knobs(billing_url="", port=1)
    assert (await said_of_disputes())["billing"][1] == "Does `saldo sandbox` run?"


async def test_what_nobody_could_be_asked_with_is_named(knobs):
    knobs(billing_url="http://host:nonsense", support_token="two words")
    assert await said_of_disputes() == {
        "billing": ("SALDO_BILLING_URL is no address", "A process does not start so: set it rightly."),
        "support": (
            "SALDO_SUPPORT_TOKEN must be of visible ASCII characters, without blanks",
            "A worker does not start so: set it rightly.",
        ),
    }
    knobs(providers_token="two words", support_token="")
    found = await said_of_disputes()
    assert found["billing"][0].startswith("SALDO_PROVIDERS_TOKEN must be")
    assert found["support"] == ("connected; no token here, which is right for the API; a worker needs it", "")


async def test_without_billing_or_a_desk_there_is_nothing_wrong(knobs):
    knobs(support_enabled=False, env="production", token_secret="t" * 32)
    knobs(tron_contract="", tron_main_wallet="", tron_public_key="", tron_private_key="", tron_main_key="")
    found = await said_of_disputes()
    assert found["billing"] == ("not connected: SALDO_BILLING_URL is not set, and nothing can be disputed", "")
    assert found["support"] == ("no desk: SALDO_SUPPORT_URL is not set, or SALDO_SUPPORT_ENABLED is false", "")


@pytest.fixture
async def disputed(make, box, knobs, tmp_path):
    async with world_beside(make, box, knobs, tmp_path) as made:
        yield made


async def test_adapters_on_whom_disputes_wait_are_asked_plainly(disputed):
    here = {"url": f"{disputed.box.url}/nodoorpay", "options": {"DISPUTE_FLOW_PROVIDERS_API_EXIST": "true"}}
    await disputed.control("billing/terminals", {"id": 7, **here})
    await disputed.control("billing/terminals", {"id": 8, **here, "url": "http://127.0.0.1:1/gone"})
    for terminal in (1, 3, 7, 8):
        await disputed.created(f"inv-{terminal}", paid={"terminalId": terminal})
    found = {one.what: (one.found, one.advice) for one in await disputes(database=True)}
    assert found["adapter of terminal 1"] == ("answers", "")
    assert found["adapter of terminal 3"] == ("takes no disputes: people do", "")
    assert found["adapter of terminal 7"] == (
        "has no door for disputes, and billing says that it has one",
        "Take DISPUTE_FLOW_PROVIDERS_API_EXIST from its options, or give it the door.",
    )
    assert found["adapter of terminal 8"][1] == "Is its address in billing right, and does it run there?"
    assert found["disputes"] == ("0 need attention", "")
    async with transaction() as db:
        await db.execute("UPDATE dispute SET needs_attention = true")
    found = {one.what: (one.found, one.advice) for one in await disputes(database=True)}
    assert (found["disputes"][0], "needsAttention: true" in found["disputes"][1]) == ("4 need attention", True)
    opened = await disputed.calls("quickpay", "open")
    assert opened == []
