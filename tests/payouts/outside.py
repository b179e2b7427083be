"""Payouts beside a sandbox: its wallet system and its bank are told of them over HTTP, by the worker's own gateways."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateways.wiring import worker_gateways
from jobs.payouts import deliver_payouts, resolve_unknown_deliveries
from jobs.running import Tools
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Viewer
from models.parties.lifecycle import ToolKind
from models.parties.reads import ShopRecord
from models.payouts import operations as payouts
from models.work.operations import Report
from tests.make import Make
from tests.payouts.shops import BANK, WALLET, add_tool, paid_out, shop
from tests.sandbox.playing import Played

WORKER = Viewer.system("test")
FOLDERS = {"wallets": "wallets/deposits", "transfers": "transfers/orders"}
SENDING = {"wallets": "deposit", "transfers": "order"}
READ = """query ($id: String!) { payout(ref: {payoutId: $id}) { status sequence failure deliveryStatus needsAttention
  delivery { status reference failures lastError attempts { number kind state detail } } } }"""


class Outside:
    """What tests of deliveries do."""

    def __init__(self, make: Make, box: Played, tools: Tools) -> None:
        self.make, self.box, self.tools = make, box, tools

    async def confirmed(self, system: str, payout_id: str = "a", **details: str) -> ShopRecord:
        """A payout of 1000.00 of a new shop that has earned so much, confirmed; where its money goes is said by `details`."""
        kind, known = (ToolKind.WALLET, WALLET) if system == "wallets" else (ToolKind.RUSSIAN_BANK_ACCOUNT, BANK)
        its = await shop(self.make, tool=kind)
        await add_tool(self.make, its.party_code, f"c{its.code.removeprefix('s')}", "said", kind, **known | details)
        await paid_out(self.make, its, payout_id=payout_id, tool="said")
        await payouts.confirm(payout_id, by=self.make.operator.viewer)
        return its

    async def send(self) -> Report:
        return await deliver_payouts(self.tools)

    async def ask(self) -> Report:
        """Whatever the back-off says."""
        await fetch(sql("UPDATE delivery SET next_check_at = saldo_now() WHERE next_check_at IS NOT NULL RETURNING 1"))
        return await resolve_unknown_deliveries(self.tools)

    async def read(self, payout_id: str = "a") -> Any:
        return await self.make.ask(READ, by=self.make.operator, id=payout_id)

    async def stands(self, payout_id: str = "a") -> tuple[str, str]:
        read = await self.read(payout_id)
        return read["status"], read["deliveryStatus"]

    async def attempts(self, payout_id: str = "a") -> list[tuple[str, str]]:
        """Each call that was made, the oldest first: what was asked, and how it ended."""
        made = (await self.read(payout_id))["delivery"]["attempts"]
        return [(one["kind"], one["state"]) for one in reversed(made)]

    async def script(self, system: str, outcome: str, operation: str | None = None, **more: Any) -> None:
        asked = operation or SENDING[system]
        await self.box.tell("script", system=system, operation=asked, outcome=outcome, **more)

    async def executed(self, system: str) -> dict[str, int]:
        """By key, how often it was done there."""
        (listed,) = (await self.box.ask(FOLDERS[system])).values()
        return {one["key"]: one["executed"] for one in listed}


@asynccontextmanager
async def outside_beside(make: Make, box: Played, knobs: Any) -> AsyncIterator[Outside]:
    knobs(
        wallets_url=f"{box.url}/wallets", transfers_url=f"{box.url}/transfers", outside_timeout_seconds=0.5,
        delivery_back_off_seconds=1,
    )  # fmt: skip
    async with worker_gateways() as gateways:
        yield Outside(make, box, Tools(WORKER, {}, gateways))
