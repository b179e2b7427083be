"""`saldo`, as a shell runs it."""

from __future__ import annotations

import asyncio
import hmac
import os
import sys
from dataclasses import replace

import asyncpg
import jwt
import pytest
from typer.testing import CliRunner

from gateways.receivers import secret_of
from jobs.inbox import drain_inbox
from jobs.running import Tools
from models.kernel.sql import fetch, sql, transaction
from models.kernel.viewer import Viewer
from models.payments import operations
from server.cli import cli
from server.seed import deals, payments, seed
from server.up import lively
from settings import DEVELOPMENT_SECRET, Settings
from tests.payments.conftest import world
from tests.sandbox.conftest import box

__all__ = ["box", "world"]
pytestmark = pytest.mark.usefixtures("database", "redis")


async def saldo(*words: str, **env: str) -> tuple[int, str]:
    """Exit code and everything said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "server.cli", *words, env={**os.environ, "COLUMNS": "200", **env},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.mark.parametrize(
    "command",
    [
        "",
        *[
            "up",
            "api",
            "worker",
            "sandbox",
            "migrate",
            "seed",
            "demo",
            "token",
            "webhook-secret",
            "schema",
            "audit",
            "doctor",
        ],
    ],
)
def test_every_command_helps(command):
    told = CliRunner().invoke(cli, [*command.split(), "--help"])
    assert (told.exit_code, "Usage:" in told.output) == (0, True)


async def test_a_token_is_printed_and_nothing_else():
    code, said = await saldo("token", "--role", "user", "--person", "7")
    claims = jwt.decode(said.strip(), DEVELOPMENT_SECRET, algorithms=["HS256"], audience="saldo", issuer="saldo")
    assert (code, claims["sub"], claims["roles"], claims["person"]) == (0, "user-7", ["user"], 7)


async def test_the_secret_of_a_partys_webhooks_is_printed_and_nothing_else():
    code, said = await saldo("webhook-secret", "--party", "demo-oak")
    assert (code, said.strip()) == (0, secret_of("demo-oak"))
    house = "production-secret-of-webhooks-of-32-bytes"
    code, other = await saldo("webhook-secret", "--party", "demo-oak", SALDO_WEBHOOK_SECRET=house)
    assert (code, other.strip()) == (0, hmac.new(house.encode(), b"party:demo-oak", "sha256").hexdigest())
    code, said = await saldo("webhook-secret", "--party", "demo-oak", SALDO_WEBHOOK_SECRET="")
    assert (code, "SALDO_WEBHOOK_SECRET" in said) == (2, True)
    assert (await saldo("webhook-secret", "--party", " "))[0] == 2


async def test_production_makes_no_tokens_and_starts_with_no_default_secret():
    code, said = await saldo("api", SALDO_ENV="production", SALDO_TOKEN_SECRET="")
    assert (code, "production needs SALDO_TOKEN_SECRET or SALDO_JWKS_URL" in said) == (2, True)
    code, said = await saldo("api", SALDO_ENV="production", SALDO_TOKEN_SECRET=DEVELOPMENT_SECRET)
    assert (code, "published development secret" in said) == (2, True)
    code, said = await saldo("token", SALDO_ENV="production", SALDO_TOKEN_SECRET="x" * 32)
    assert (code, "development only" in said) == (2, True)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"database_pool_min": 9, "database_pool_max": 3}, "must not exceed database_pool_max"),
        ({"job_lease_seconds": 100}, "more than twice run_requests_timeout_seconds"),
        ({"audit_period_seconds": 7}, "must be one of"),
        ({"token_secret": "short"}, "32 bytes"),
        ({"env": "production", "clock_offset_seconds": 5, "token_secret": "x" * 32}, "moves time only in development"),
        ({"env": "production", "jwks_url": "http://keys"}, "must be https"),
    ],
)
def test_settings_that_hang_together_are_checked_together(given, told):
    with pytest.raises(ValueError, match=told):
        Settings(**given)


def test_what_is_lively_about_up_is_valid_and_for_development_alone():
    named = {name.removeprefix("SALDO_").lower(): value for name, value in lively(Settings()).items()}
    assert Settings(**named).check_payments_period_seconds == 2
    slow = {"outside_timeout_seconds": 40, "payment_lease_seconds": 600}
    named = {name.removeprefix("SALDO_").lower(): value for name, value in lively(Settings(**slow)).items()}
    assert Settings(**slow | named).payment_timeout_seconds == 55
    given = {"env": "production", "database_url": "postgres://x", "redis_url": "redis://x", "token_secret": "x" * 32}
    assert lively(Settings(**given)) == {}


async def test_the_world_is_seeded_once(make, nothing_written):
    code, said = await saldo("seed")
    assert (code, *(said.count(f"{noun} ") for noun in ("person", "deal", "gateway", "payment", "shop", "payout"))) == (
        0,
        3,
        7,
        2,
        6,
        3,
        5,
    ), said
    async with nothing_written():
        assert await saldo("seed") == (0, said)
    found = await make.ask(
        '{ person(ref: {externalId: "demo-anna"}) { version balances { currency available { amount } } } }',
        by=make.operator,
    )
    assert found["version"] == 2
    assert {b["currency"]: b["available"]["amount"] for b in found["balances"]} == {
        "RUB": "0.00", "EUR": "1080.00", "USD": "0.00", "USDT": "210.000000",
    }  # fmt: skip


async def test_a_seed_that_was_cut_is_completed_and_a_whole_one_left_alone_when_its_keys_are_forgotten(
    monkeypatch, nothing_written, database
):
    whole, all_paid = deals.WORLD, payments.WORLD
    monkeypatch.setattr(deals, "WORLD", whole[:4])
    monkeypatch.setattr(payments, "WORLD", ())
    await seed()
    monkeypatch.setattr(deals, "WORLD", whole)
    monkeypatch.setattr(payments, "WORLD", all_paid[:3])
    await seed()
    monkeypatch.setattr(payments, "WORLD", all_paid)
    said = await seed()
    assert [line.split(", ")[1] for line in said if line.startswith("payment")] == ["WAITING"] * 3 + [
        "ERROR", "WAITING", "WAITING",
    ]  # fmt: skip
    assert [line.split(", ")[2] for line in said if line.startswith("deal")] == [
        "CLOSE", "ARB_CLOSE_SPLIT", "CONFIRM_PERFORMER", "CONFIRM_PERFORMER", "WAITING_FOR_PAYMENT", "DENY_PERFORMER", "CREATED",
    ]  # fmt: skip
    async with transaction() as db:
        await db.execute("DELETE FROM request")
    async with nothing_written():
        assert await seed() == said


async def test_what_the_bank_tells_of_the_world_is_credited_by_a_worker(make, database):
    await seed()
    assert (await drain_inbox(Tools(Viewer.system("drain_inbox")))).done == 7
    found = await make.ask(
        "{ payments(orderBy: OLDEST) { edges { node { status exception received { amount currency } } } } }",
        by=make.operator,
    )
    assert [(one["node"]["status"], one["node"]["exception"], one["node"]["received"]["amount"]) for one in found["edges"]] == [
        ("SUCCESS", "NONE", "5000.00"), ("SUCCESS", "OVER", "60.00"), ("WAITING", "PARTIAL", "120.00"),
        ("ERROR", "NONE", "0.000000"), ("WAITING", "NONE", "0.000000"), ("WAITING", "NONE", "0.00"),
    ]  # fmt: skip
    left = await make.ask("{ unmatchedDeposits { edges { node { reference sender } } } }", by=make.operator)
    assert [one["node"] for one in left["edges"]] == [{"reference": "Invoice 17", "sender": "Dora Nowak"}]


async def test_what_an_operator_changed_of_a_gateway_is_left_so_by_the_seed(make, database):
    await seed()
    terms = payments.GATEWAYS["usdt"]
    await operations.upsert_gateway("usdt", replace(terms, name="Tether", enabled=False), by=make.operator.viewer)
    await seed()
    offered = "{ paymentGateways(includeDisabled: true) { gatewayCode name status } }"
    assert [tuple(one.values()) for one in await make.ask(offered, by=make.operator)] == [
        ("usdt", "Tether", "DISABLED"), ("bank", "Bank transfer", "ENABLED"),
    ]  # fmt: skip


async def test_nothing_is_seeded_of_a_gateway_without_its_settings(make, database, knobs):
    knobs(bank_account="")
    said = await seed()
    assert [line for line in said if line.startswith("gateway")] == ["gateway usdt: USDT on Tron"]
    assert sum(line.startswith("payment") for line in said) == 2
    assert await seed() == said


@pytest.mark.broken_books
async def test_the_audit_says_what_differs_and_ends_with_1(make):
    await make.person("5 EUR")
    code, said = await saldo("audit")
    assert (code, "The books are clean" in said) == (0, True)
    async with transaction() as db:
        await db.execute("SET LOCAL session_replication_role = replica")
        await db.execute("UPDATE ledger_account SET own = own + 1 WHERE kind = 'person.available'")
    code, said = await saldo("audit")
    assert (code, "zero_sum: EUR sums to 1" in said) == (1, True)


async def test_the_doctor_knows_a_healthy_set_up_and_an_ill_one():
    code, said = await saldo("doctor")
    assert (code, "worker" in said) == (1, True)  # nobody beats in this test
    assert "migrations · 0 missing" in said
    code, said = await saldo("doctor", SALDO_DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing")
    assert (code, "Is SALDO_DATABASE_URL right" in said) == (1, True)
    code, said = await saldo("doctor", SALDO_PORT="nonsense")
    assert (code, "SALDO_PORT" in said) == (1, True)


async def test_after_a_restore_no_address_is_given_out_that_may_have_been_before(make, world):
    before = await world.create()
    at = await epoch()
    code, said = await saldo("restored")
    assert (code, "never given out" in said) == (0, True)
    after = await world.create()
    wallets = [(await world.read(one))["wallet"]["address"] for one in (before, after)]
    first, later = [
        row["derivation_index"] for row in await fetch(sql("SELECT derivation_index FROM wallet ORDER BY id"))
    ]
    assert (len(set(wallets)), later - first > 1_000_000) == (2, True)
    assert await epoch() != at


async def epoch() -> str:
    return str((await fetch(sql("SELECT event_epoch() AS epoch")))[0]["epoch"])


async def test_three_that_migrate_at_once_make_one_database(database_url):
    name = "migrated_at_once"
    admin = await asyncpg.connect(database_url)
    await admin.execute(f"DROP DATABASE IF EXISTS {name}")
    await admin.execute(f"CREATE DATABASE {name}")
    url = database_url.replace(f"/{database_url.split('/')[3].split('?')[0]}?", f"/{name}?")
    answers = await asyncio.gather(*(saldo("migrate", SALDO_DATABASE_URL=url) for _ in range(3)))
    assert [code for code, _ in answers] == [0, 0, 0]
    assert sum("applied 0004_ledger_functions" in said for _, said in answers) == 1
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()
