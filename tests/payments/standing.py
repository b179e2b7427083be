"""How a payment and its sweeps stand, and what else tests of the chain ask and do."""

from __future__ import annotations

from models.kernel.sql import fetch, sql

EARLIER = "UPDATE payment SET {} = saldo_now() - make_interval(secs => {{}}) WHERE id = {{}} RETURNING 1"
PAID = ("SUCCESS", "NONE", "100.000000", "TRANSFERED", "100.000000")
UNPAID = ("WAITING", "NONE", "0.000000", "WAITING", "0.000000")
CREDITED = ("WAITING", "NONE", "100.000000", "RECEIVED", "0.000000")
DONE = [("top_up", "confirmed"), ("sweep", "confirmed")]


async def stands(world, payment):
    read = await world.read(payment)
    wallet = read["wallet"]
    return read["status"], read["exception"], read["received"]["amount"], wallet["status"], wallet["swept"]["amount"]


async def names(payment):
    rows = await fetch(
        sql("SELECT name FROM event WHERE subject = {} ORDER BY version", f"payment:{payment['number']}")
    )
    return [row["name"] for row in rows]


async def failed(world, payment):
    """How often in a row, at which step, and why."""
    check = (await world.read(payment))["check"]
    return check["failures"], check["failedStep"], check["lastError"]


async def available(world, payment):
    return (await world.make.available(payment["personNumber"], "USDT")).minor


async def due(payment):
    """It is asked about now, not in a minute."""
    await fetch(sql("UPDATE payment SET next_check_at = saldo_now() WHERE id = {} RETURNING 1", payment["number"]))


async def ended(payment, days=0):
    """Its time was over so many days ago."""
    await fetch(sql(EARLIER.format("expires_at"), days * 86_400 + 1, payment["number"]))


async def sweeps_of(payment):
    query = "SELECT purpose, status, amount_minor, fee_minor FROM sweep WHERE payment_id = {} ORDER BY id"
    return [tuple(row) for row in await fetch(sql(query, payment["number"]))]


def at(payment, amount, **more):
    """A part of a transaction of several transfers."""
    return {"address": payment["gatewayData"]["address"], "amount": amount, **more}


async def together(world, *parts):
    return (await world.box.tell("tron/deposit", transfers=parts, mine=True))["txId"]


async def mine(world, blocks=1, **more):
    return await world.box.tell("tron/mine", blocks=blocks, **more)
