"""Payments that wait: made by the operation, or, where there must be very many, copies of one that was."""

from __future__ import annotations

import random
from decimal import Decimal

from tortoise import connections

from benches.tron.chain import all_of
from benches.world import PERSONS
from gateways.wiring import issuers
from models.kernel.money import Money
from models.kernel.sql import transaction
from models.kernel.viewer import OPERATOR, Viewer
from models.payments import operations as payments
from models.payments.operations import Asked, Terms

BY = Viewer("bench", frozenset({OPERATOR}))
GATEWAY, CURRENCY, AMOUNT = "usdt", "USDT", 100

WAITING = """
CREATE TEMP TABLE given (address text, n bigint) ON COMMIT DROP;
CREATE TEMP TABLE moment ON COMMIT DROP AS
  SELECT n, saldo_now() - random() * interval '1 hour' AS born, saldo_now() + (random() - 0.5) * interval '1 hour' AS due
    FROM generate_series(1, {many}) n"""
COPIES = """
WITH pattern AS (SELECT p AS payment, w AS wallet, p.id AS first_payment, w.id AS first_wallet, w.derivation_index AS first_index
                   FROM payment p JOIN wallet w ON w.payment_id = p.id WHERE p.id = $1),
paid AS (
  INSERT INTO payment SELECT one.* FROM pattern, given g JOIN moment m USING (n), LATERAL jsonb_populate_record(pattern.payment,
    jsonb_build_object('id', first_payment + n, 'person_id', 1 + (n % $2), 'created_at', born, 'updated_at', born,
      'expires_at', born + interval '1 hour', 'next_check_at', due,
      'gateway_data', (pattern.payment).gateway_data || jsonb_build_object('address', g.address))) one
  RETURNING *),
held AS (
  INSERT INTO wallet SELECT one.* FROM pattern, given g JOIN moment m USING (n), LATERAL jsonb_populate_record(pattern.wallet,
    jsonb_build_object('id', first_wallet + n, 'payment_id', first_payment + n, 'derivation_index', first_index + n,
      'address', g.address, 'created_at', born, 'updated_at', born)) one
  RETURNING *)
INSERT INTO event (noun, subject, version, name, from_status, to_status, facts, snapshot, actor, actor_role, audience,
                   request_id, occurred_at)
SELECT e.noun, new.subject, e.version, e.name, e.from_status, e.to_status, e.facts,
       (SELECT jsonb_object_agg(key, value) FROM jsonb_each(new.row) WHERE e.snapshot ? key), e.actor, e.actor_role,
       new.audience, e.request_id, new.at
  FROM (SELECT 'payment' AS noun, 'payment:' || id AS subject, to_jsonb(paid) AS row, created_at AS at,
               ARRAY['ops', 'person:' || person_id] AS audience FROM paid
         UNION ALL SELECT 'wallet', 'wallet:' || id, to_jsonb(held), created_at, ARRAY['ops'] FROM held) new
  JOIN event e ON e.noun = new.noun AND e.name = 'open' AND e.subject IN ('payment:' || $1::bigint,
       'wallet:' || (SELECT first_wallet FROM pattern))"""
AFTER = (
    "SELECT setval('payment_index', (SELECT max(derivation_index) FROM wallet))",
    "SELECT setval(pg_get_serial_sequence('payment', 'id'), (SELECT max(id) FROM payment))",
    "SELECT setval(pg_get_serial_sequence('wallet', 'id'), (SELECT max(id) FROM wallet))",
    "VACUUM ANALYZE payment",
    "VACUUM ANALYZE wallet",
    "VACUUM ANALYZE event",
    "CHECKPOINT",
)


async def offered() -> None:
    limits = {CURRENCY: (Money(1, CURRENCY), Money(10**12, CURRENCY))}
    await payments.upsert_gateway(GATEWAY, Terms("USDT", "tron", limits), by=BY)


async def made(many: int) -> list[str]:
    """Payments by the operation; the addresses that they are to be paid at."""
    addresses: list[str] = []

    async def one(_number: int) -> None:
        wanted = Asked(GATEWAY, random.randint(1, PERSONS), Decimal(AMOUNT), CURRENCY)
        addresses.append((await payments.make(wanted, issuers(), by=BY)).gateway_data["address"])

    await all_of(range(many), one)
    return addresses


async def copied(many: int) -> None:
    """So many payments with their wallets and events, born within the last hour, half of them due to be asked about."""
    wanted = Asked(GATEWAY, 1, Decimal(AMOUNT), CURRENCY)
    pattern = await payments.make(wanted, issuers(), by=BY)
    issue = issuers()["tron"]
    async with transaction() as db:
        await db.execute("SET LOCAL statement_timeout = '300s'")
        first = await db.fetchval("SELECT derivation_index FROM wallet WHERE payment_id = $1", pattern.id)
        await db.execute(WAITING.format(many=many - 1))
        rows = [(issue(first + n)["address"], n) for n in range(1, many)]
        await db.copy_records_to_table("given", records=rows)
        await db.execute(COPIES, pattern.id, PERSONS)
    async with connections.get("default").acquire_connection() as db:
        for statement in AFTER:
            await db.execute(statement, timeout=300)
