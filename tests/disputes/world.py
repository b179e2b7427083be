"""Disputes beside a sandbox that plays billing, two providers, the support desk and a merchant's server."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateways.wiring import api_gateways, worker_gateways
from jobs.running import Tools
from jobs.wiring import BODIES
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role, Viewer
from models.work.operations import Report
from tests.make import Asker, Make
from tests.sandbox.playing import Played

WORKER = Viewer.system("test")
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + bytes(40) + b"\xff\xd9"
MERCHANT = Asker.of(Role.MERCHANT, "m", party="p")
SEEN = """disputeId version invoiceId paymentId partyId shopId publicStatus publicReason amount { minorUnits }
  changedAmount { minorUnits } reason attachments { mimeType sizeBytes addedBy } notification { status attemptsLeft lastError }"""
WHOLE = f"""{SEEN} status mode providerMessage technicalError providerDisputeId riskScore pollingBefore nextCheckAt
  needsAttention lastError adjustment {{ status error amount {{ minorUnits }} changedAmount {{ minorUnits }} }}"""
REFUSED = "... on Refusal { code message } ... on InvalidInput { fields { path message } }"
CREATE = f"""mutation ($input: CreateDisputeInput!) {{ createDispute(input: $input) {{
  __typename ... on Dispute {{ {SEEN} }} {REFUSED} }} }}"""
READ = f"query ($ref: DisputeRef!) {{ dispute(ref: $ref) {{ {WHOLE} }} }}"
READ_AS_MERCHANT = f"query ($ref: DisputeRef!) {{ dispute(ref: $ref) {{ {SEEN} }} }}"
MANY = ("approve", "cancel", "bind", "resume")


def many(verb: str) -> str:
    name = "UpdateDisputeMessagesInput" if verb == "updateDisputeMessages" else f"{verb[0].upper()}{verb[1:]}Input"
    shown = f"__typename ... on Dispute {{ {WHOLE} }} ... on Refusal {{ code }}"
    return f"mutation ($input: {name}!) {{ {verb}(input: $input) {{ {shown} }} }}"


def attached(data: bytes = PNG, mime_type: str = "image/png") -> dict[str, str]:
    return {"data": base64.b64encode(data).decode(), "mimeType": mime_type}


class World:
    """What tests of disputes do. A payment is `inv/pay` unless it is named."""

    def __init__(self, make: Make, box: Played, tools: Tools, knobs: Any) -> None:
        self.make, self.box, self.tools, self.knobs = make, box, tools, knobs
        self.keys = 0

    # billing

    async def payment(self, invoice: str = "inv", payment: str = "pay", **given: Any) -> None:
        """A payment of 100.00 RUB of shop p/s that failed, by the quick provider."""
        plain = {
            "partyId": "p",
            "shopId": "s",
            "amount": 10_000,
            "currency": "RUB",
            "status": "failed",
            "terminalId": 1,
        }
        await self.control("billing/payments", {"invoiceId": invoice, "paymentId": payment} | plain | given)

    async def status(self, status: str, invoice: str = "inv", payment: str = "pay", **given: Any) -> None:
        told = {"invoiceId": invoice, "paymentId": payment, "status": status}
        await self.control("billing/status", told | given)

    async def control(self, path: str, given: dict[str, Any]) -> Any:
        answer = await self.box.client.post(f"/control/{path}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def adjustments(self) -> list[tuple[str, int]]:
        """What billing was made to do, in order: (kind, how often it was made)."""
        listed = (await self.box.ask("billing/adjustments"))["adjustments"]
        return [(one["kind"], one["made"]) for one in listed]

    async def calls(self, system: str, operation: str) -> list[dict[str, Any]]:
        """Those of an operation, or `*`: of all."""
        which = {} if operation == "*" else {"operation": operation}
        found: list[dict[str, Any]] = (await self.box.ask("calls", system=system, **which))["calls"]
        return found

    async def script(self, system: str, operation: str, outcome: str, **more: Any) -> None:
        await self.box.tell("script", system=system, operation=operation, outcome=outcome, **more)

    # clients

    async def ask_to_create(
        self, invoice: str = "inv", payment: str = "pay", *, by: Asker = MERCHANT, key: str | None = None, **given: Any
    ) -> Any:
        self.keys += 1
        plain = {"attachments": [attached()], "idempotencyKey": key or f"key-{self.keys}"}
        wanted = plain | given | {"invoiceId": invoice, "paymentId": payment}
        return await self.make.ask(CREATE, by=by, input=wanted)

    async def created(self, invoice: str = "inv", payment: str = "pay", *, paid: Any = None, **given: Any) -> str:
        """A dispute about a payment, made so by `paid`; its id."""
        await self.payment(invoice, payment, **(paid or {}))
        answer = await self.ask_to_create(invoice, payment, **given)
        assert answer["__typename"] == "Dispute", answer
        return str(answer["disputeId"])

    async def read(self, dispute: str, by: Asker | None = None) -> Any:
        asker = by or self.make.operator
        query = READ if asker.viewer.reads_everything else READ_AS_MERCHANT
        return await self.make.ask(query, by=asker, ref={"disputeId": dispute})

    async def stands(self, dispute: str) -> str:
        return str((await self.read(dispute))["status"])

    async def desk(self, verb: str, *items: Any, **given: Any) -> list[Any]:
        """An operator does one of the verbs over many; an item is a dispute's id, or that with more."""
        listed = [one if isinstance(one, dict) else {"dispute": {"disputeId": one}} for one in items]
        for one in listed:
            if isinstance(one["dispute"], str):
                one["dispute"] = {"disputeId": one["dispute"]}
        answered: list[Any] = await self.make.ask(many(verb), by=self.make.operator, input={"items": listed, **given})
        return answered

    async def events(self, dispute: str) -> list[str]:
        """The names of what happened to it, in order."""
        query = sql(
            """SELECT e.name FROM event e JOIN dispute d ON e.subject = 'dispute:' || d.id
                WHERE d.dispute_id = {} ORDER BY e.version""",
            dispute,
        )
        return [row["name"] for row in await fetch(query)]

    # the worker

    async def tick(self, job: str, *, due: bool = True) -> Report:
        """One run of a job; with everything that waits due now, unless it is not to be."""
        if due:
            await self.due()
        return await BODIES[job](self.tools)

    async def due(self) -> None:
        for table in ("dispute", "adjustment", "dispute_notification", "payment_callback", "support_message"):
            await fetch(
                sql(f"UPDATE {table} SET next_check_at = saldo_now() WHERE next_check_at IS NOT NULL RETURNING 1")
            )

    async def create_tick(self) -> Report:
        return await self.tick("process_created_disputes")

    async def poll_tick(self) -> Report:
        return await self.tick("process_pending_disputes")

    async def adjust_tick(self) -> Report:
        return await self.tick("process_adjustments")

    async def past_deadline(self, dispute: str) -> None:
        await fetch(
            sql(
                "UPDATE dispute SET polling_before = saldo_now() - interval '1 second' WHERE dispute_id = {} RETURNING 1",
                dispute,
            )
        )

    async def adjusting(self, **paid: Any) -> str:
        """A dispute whose provider has confirmed the payment: it waits for its adjustment."""
        dispute = await self.created(paid={"providerTrxId": "trx-paid"} | paid)
        await self.create_tick()
        assert await self.stands(dispute) == "CREATE_ADJUSTMENT"
        return dispute

    async def manual(self, **given: Any) -> str:
        """A dispute that a human has."""
        dispute = await self.created(paid={"terminalId": 3}, **given)
        await self.create_tick()
        assert await self.stands(dispute) == "MANUAL_PENDING"
        return dispute

    async def pending(self, **paid: Any) -> str:
        """A dispute at a provider that does not decide."""
        dispute = await self.created(paid={"providerTrxId": "trx-undecided"} | paid)
        await self.create_tick()
        assert await self.stands(dispute) == "PENDING"
        return dispute

    async def expired(self) -> str:
        dispute = await self.pending()
        await self.past_deadline(dispute)
        await self.poll_tick()
        assert await self.stands(dispute) == "POOLING_EXPIRED"
        return dispute

    async def existing(self) -> str:
        dispute = await self.created(paid={"providerTrxId": "trx-exists"})
        await self.create_tick()
        assert await self.stands(dispute) == "ALREADY_EXIST_CREATED"
        return dispute

    async def decide(self, dispute: str, outcome: str, provider: str = "quickpay", **given: Any) -> None:
        await self.box.tell(f"{provider}/disputes", disputeId=dispute, outcome=outcome, **given)


@asynccontextmanager
async def world_beside(make: Make, box: Played, knobs: Any, home: Any) -> AsyncIterator[World]:
    knobs(
        billing_url=f"{box.url}/billing", support_url=f"{box.url}/support", outside_timeout_seconds=2,
        provider_timeout_seconds=2, receiver_timeout_seconds=2, dispute_terminals_cache_seconds=0,
        webhooks_anywhere=True, home=home,
    )  # fmt: skip
    state = make.http._transport.app.state
    before = state.outside
    async with worker_gateways() as gateways, api_gateways() as state.outside:
        yield World(make, box, Tools(WORKER, {}, gateways), knobs)
    state.outside = before
