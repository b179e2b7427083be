"""A bank beside the house: what it signs and pushes, and what the house makes of it."""

from __future__ import annotations

import hmac

import orjson

from jobs.inbox import drain_inbox
from jobs.running import Tools
from models.kernel.clock import now
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Viewer
from models.payments import operations as payments
from models.payments.operations import Terms
from settings.outside import DEVELOPMENT_BANK_SECRET as SECRET
from tests.make import money
from tests.payments.outside import CREATE

DRAIN = Viewer.system("drain_inbox")
READ = """query ($n: Int!) { payment(ref: {number: $n}) { status exception received { amount } wallet { address }
  deposits { amount { amount currency } txId sender reference creditedAt } } }"""
UNMATCHED = """{ unmatchedDeposits { totalCount edges { node { id amount { amount currency } txId sender reference
  creditedAt } } } }"""
UNPAID, PAID = ("WAITING", "NONE", "0.00", "0.00"), ("SUCCESS", "NONE", "100.00", "100.00")


class Bank:
    """The bank beside the house: what it signs, and what the house makes of it."""

    def __init__(self, make):
        self.make = make

    async def payment(self, amount="100 EUR"):
        limits = {code: (money(f"1 {code}"), money(f"100000 {code}")) for code in ("EUR", "USD")}
        terms = Terms("Bank", "bank_transfer", limits)
        await payments.upsert_gateway("bank", terms, by=self.make.operator.viewer)
        person, (number, currency) = await self.make.person(), amount.split()
        given = {
            "gateway": "bank",
            "money": {"amount": number, "currency": currency},
            "person": {"number": person.id},
            "idempotencyKey": f"k{person.id}",
        }
        return await self.make.ask(CREATE, by=self.make.user(person), input=given)

    def told(self, payment=None, **more):
        reference = payment["gatewayData"]["reference"] if payment else "RF00000"
        return {
            "id": "b-1", "type": "transfer.received", "reference": reference, "amount": "100.00", "currency": "EUR",
            "senderName": "Anna Petrova", "bookedAt": "2026-01-02T03:04:00+00:00",
        } | more  # fmt: skip

    async def send(self, said, *, secret=SECRET, at=None, age=0, headers=None, path="bank"):
        """Status and outcome of one push, signed unless `headers` say otherwise."""
        body = said if isinstance(said, bytes) else orjson.dumps(said)
        at = str(int(now().timestamp()) - age) if at is None else at
        digest = hmac.digest(secret.encode(), at.encode() + b"." + body, "sha256").hex()
        signed = {"bank-signature": f"t={at},v1={digest}"} if headers is None else headers
        answer = await self.make.http.post(f"/webhooks/{path}", content=body, headers=signed)
        return answer.status_code, answer.json()["outcome"]

    async def pays(self, payment=None, **more):
        assert await self.send(self.told(payment, **more)) == (200, "kept")
        return await drain_inbox(Tools(DRAIN))

    async def stands(self, payment):
        read = await self.make.ask(READ, by=self.make.operator, n=payment["number"])
        available = await self.make.available(payment["personNumber"], payment["amount"]["currency"])
        return read["status"], read["exception"], read["received"]["amount"], str(available.amount)

    async def unmatched(self):
        found = await self.make.ask(UNMATCHED, by=self.make.operator)
        assert found["totalCount"] == len(found["edges"])
        return [edge["node"] for edge in found["edges"]]


async def names(payment):
    rows = await fetch(
        sql("SELECT name FROM event WHERE subject = {} ORDER BY version", f"payment:{payment['number']}")
    )
    return [row["name"] for row in rows]


async def accounts():
    """What stands on every account of the house."""
    rows = await fetch(
        sql(
            """SELECT a.name, a.currency, a.own + coalesce((SELECT sum(own_delta) FROM ledger_delta d
                                                             WHERE d.account_id = a.id), 0) AS own
                 FROM ledger_account a WHERE a.kind <> 'person.available' ORDER BY a.id"""
        )
    )
    return {(row["name"], row["currency"]): row["own"] for row in rows if row["own"]}


async def letters():
    rows = await fetch(sql("SELECT source, name, payload, reason, status FROM dead_letter ORDER BY id"))
    return [tuple(row) for row in rows]


async def messages():
    return [tuple(row) for row in await fetch(sql("SELECT event_id, status, reason FROM inbox_message ORDER BY id"))]
