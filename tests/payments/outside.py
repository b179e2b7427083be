"""A house beside a sandbox: payments made through the API, coins on the sandbox's chain, ticks of the job."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

from gateways.wiring import worker_gateways
from jobs.payments import check_payments
from jobs.running import Tools
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Viewer
from models.payments import operations as payments
from models.payments import reads
from models.payments.operations import Terms
from tests.make import Make, money
from tests.sandbox.playing import MAIN, USDT, Played

CHECK = Viewer.system("check_payments")
CREATE = """mutation ($input: CreatePaymentInput!) { createPayment(input: $input) { __typename
  ... on Payment { id number status exception amount { amount currency } received { amount } expiresAt personNumber
    gatewayData { network address contract uri reference account beneficiary expiresAt } }
  ... on Refusal { code message } } }"""
READ = """query ($n: Int!) { payment(ref: {number: $n}) { number status exception received { amount } sweepDeferred
  needsAttention settledAt deposits { amount { amount } txId sender confirmations creditedAt droppedAt }
  wallet { status address received { amount } swept { amount } }
  check { failures failedStep lastError nextCheckAt steps { step detail } } } }"""


class World:
    """What tests of payments do. Blocks are mined by hand, and solid at once unless a test says otherwise."""

    def __init__(self, make: Make, box: Played, outside: Any) -> None:
        self.make, self.box, self.outside = make, box, outside
        self.tools = Tools(CHECK, {}, outside)

    @staticmethod
    def limits(currency: str, least: str = "1", most: str = "100000") -> Any:
        return money(f"{least} {currency}"), money(f"{most} {currency}")

    async def gateway(self, code: str = "usdt", **terms: Any) -> None:
        limits = terms.pop("limits", {"USDT": self.limits("USDT")})
        await payments.upsert_gateway(
            code, Terms(**{"name": code, "service": "tron", "limits": limits} | terms), by=self.make.operator.viewer
        )

    async def create(self, amount: str = "100 USDT", *, person: Any = None, by: Any = None, **more: Any) -> Any:
        """Asked for through the API; the answer."""
        person = person or await self.make.person()
        number, currency = amount.split()
        given = {
            "gateway": "usdt",
            "money": {"amount": number, "currency": currency},
            "person": {"number": person.id},
            "idempotencyKey": f"k-{person.id}-{amount}-{len(more)}",
        }
        return await self.make.ask(CREATE, by=by or self.make.user(person), input=given | more)

    async def read(self, payment: Any, by: Any = None) -> Any:
        number = payment if isinstance(payment, int) else payment["number"]
        return await self.make.ask(READ, by=by or self.make.operator, n=number)

    async def pay(self, payment: Any, amount: str = "100", **given: Any) -> str:
        """Coins on the payment's address, in a block."""
        return await self.box.deposit(payment["gatewayData"]["address"], amount, **given)

    async def tick(self, times: int = 1) -> Any:
        """Ticks of the job, a block between two of them, so that what was sent is in one."""
        for number in range(times):
            if number:
                await self.box.tell("tron/mine")
            report = await check_payments(self.tools)
        return report

    async def done(self, most: int = 12) -> int:
        """Ticks, a block between two of them, until no payment has anything to do. How many it took."""
        for number in range(1, most + 1):
            await self.tick()
            await self.box.tell("tron/mine")
            if not await self.busy():
                return number
        raise AssertionError(f"still at work after {most} ticks: {await self.sweeps()}")

    async def busy(self) -> bool:
        return bool(await fetch(sql("SELECT FROM payment WHERE marks > 0")))

    async def main_received(self) -> list[str]:
        """The token transfers to the main wallet."""
        chain = await self.box.ask("tron/chain", to=MAIN)
        return sorted(one["amount"] for one in chain["transfers"] if one["token"] == USDT)

    async def sweeps(self) -> list[tuple[str, str]]:
        return [
            (row["purpose"], row["status"]) for row in await fetch(sql("SELECT purpose, status FROM sweep ORDER BY id"))
        ]

    async def calls(self, operation: str) -> list[Any]:
        return (await self.box.ask("calls", system="tron", operation=operation))["calls"]

    async def script(self, operation: str, outcome: str, **given: Any) -> None:
        await self.box.tell("script", system="tron", operation=operation, outcome=outcome, **given)

    async def books(self) -> list[tuple[Any, ...]]:
        """Every account and how payments, wallets and sweeps ended: what a crash must not change."""
        rows = await fetch(
            sql(
                """SELECT 'account' AS what, name AS of, currency || ' ' || own AS stands FROM (
                     SELECT a.name, a.currency, a.own + coalesce((SELECT sum(own_delta) FROM ledger_delta d
                                                                   WHERE d.account_id = a.id), 0) AS own FROM ledger_account a) x
                   UNION ALL SELECT 'payment', id::text, status || ' ' || exception || ' ' || received_minor FROM payment
                   UNION ALL SELECT 'wallet', id::text, status || ' ' || received_minor || ' ' || swept_minor FROM wallet
                   UNION ALL SELECT 'sweep', id::text, purpose || ' ' || status || ' ' || amount_minor FROM sweep
                   UNION ALL SELECT 'deal', id::text, status FROM deal ORDER BY 1, 2, 3"""
            )
        )
        return [tuple(row) for row in rows]


@asynccontextmanager
async def world_beside(make: Make, box: Played, knobs: Any) -> Any:
    knobs(tron_url=f"{box.url}/tron", outside_timeout_seconds=1, sandbox_block_seconds=0, tron_scan_blocks=20)
    await box.tell("tron/settings", solidAfter=0)
    async with worker_gateways() as outside:
        world = World(make, box, outside)
        await world.gateway()
        yield world


__all__ = ["CREATE", "READ", "World", "reads", "world_beside"]
