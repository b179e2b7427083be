"""Disputes that wait: each status has one that the operations made, and as many copies of it as are wanted."""

from __future__ import annotations

import os
from datetime import timedelta
from uuid import UUID

from tortoise import connections

from benches.disputed.outside import TERMINAL
from models.disputes import operations as disputes
from models.disputes.lifecycle import DisputeStatus, Polling
from models.disputes.operations import Billed, Claimed, Filed, Found, StoredFile
from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.sql import fetch, sql, transaction
from models.kernel.viewer import OPERATOR, Viewer
from settings import settings

BY, SYSTEM = Viewer("bench", frozenset({OPERATOR})), Viewer.system("bench")
PAYMENT, COST, FILE = "pay", Money(10_000, "RUB"), b"\x89PNG\r\n\x1a\n" + bytes(1_000)
OLD = timedelta(hours=1)
"""Of this age a dispute is looked at every five minutes: none is due twice while it is measured."""
COPIES = """
WITH born AS (
  INSERT INTO dispute SELECT one.* FROM dispute p, generate_series(1, $2::int) n, LATERAL jsonb_populate_record(p,
    jsonb_build_object('id', nextval(pg_get_serial_sequence('dispute', 'id')), 'dispute_id', gen_random_uuid(),
      'invoice_id', p.invoice_id || '-' || n, 'party_code', 'm' || n % 1000, 'provider_trx', p.provider_trx || '-' || n,
      'provider_dispute_id', p.provider_dispute_id || '-' || n, 'created_at', saldo_now() - $3::interval,
      'next_check_at', saldo_now() + interval '1 day' + random() * interval '1 hour')) one WHERE p.id = $1
  RETURNING *),
kept AS (
  INSERT INTO dispute_attachment (dispute_id, key, mime_type, size_bytes, sha256, added_by, created_at)
  SELECT b.id, p.key || '-' || b.id, p.mime_type, p.size_bytes, p.sha256, p.added_by, b.created_at
    FROM born b, dispute_attachment p WHERE p.dispute_id = $1 RETURNING key),
told AS (
  INSERT INTO event (noun, subject, version, name, from_status, to_status, facts, snapshot, actor, actor_role, audience,
                     request_id, occurred_at)
  SELECT e.noun, 'dispute:' || b.id, e.version, e.name, e.from_status, e.to_status, e.facts,
         e.snapshot || (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(b)) WHERE e.snapshot ? key AND key IN
           ('id', 'dispute_id', 'invoice_id', 'party_code', 'provider_trx', 'created_at'))
           || CASE WHEN e.to_status = b.status THEN jsonb_build_object('provider_dispute_id', b.provider_dispute_id)
                   ELSE '{}' END,
         e.actor, e.actor_role, ARRAY['ops', 'party:' || b.party_code, 'shop:' || b.party_code || '/' || b.shop_code,
         'invoice:' || b.invoice_id], e.request_id, e.occurred_at
    FROM born b, event e WHERE e.subject = 'dispute:' || $1)
SELECT key FROM kept"""
AFTER = ("VACUUM ANALYZE dispute", "VACUUM ANALYZE dispute_attachment", "VACUUM ANALYZE event", "CHECKPOINT")


async def copied(many: dict[DisputeStatus, int], *, with_files: bool = False) -> None:
    """So many of each status, none of them due before tomorrow; with the files that a provider is shown."""
    for status, count in many.items():
        pattern = await _pattern(status)
        async with transaction() as db:
            await db.execute("SET LOCAL statement_timeout = '300s'")
            keys = [row["key"] for row in await db.fetch(COPIES, pattern, count, OLD)]
        if with_files:
            _put(keys)
    async with connections.get("default").acquire_connection() as db:
        for statement in AFTER:
            await db.execute(statement, timeout=300)


def _put(keys: list[str]) -> None:
    """One file under many names."""
    folder = settings().home / "attachments"
    folder.mkdir(parents=True, exist_ok=True)
    first = folder / "first"
    first.write_bytes(FILE)
    for key in keys:
        os.link(first, folder / key)


async def _pattern(status: DisputeStatus) -> int:
    """The id of one that came so far by the operations."""
    invoice = f"inv-{status.value}"
    billed = Billed(invoice, PAYMENT, "p", "s", "Shop", COST, now(), 1, TERMINAL, f"trx-{status.value}")
    file = StoredFile(f"key-{status.value}", "image/png", len(FILE), "0" * 64)
    made = await disputes.make(billed, Filed(), [file], Polling(), by=BY)
    if status is not DisputeStatus.CREATED:
        claimed = await _claimed(made.dispute_id)
        found, tomorrow = Found("payer@example.org"), now() + timedelta(days=1)
        if status is DisputeStatus.PENDING:
            await disputes.accepted(claimed, "at-pattern", tomorrow, found, by=SYSTEM)
        else:
            await disputes.handed_over(claimed, "at-pattern", found, by=SYSTEM)
    await _apart(made.dispute_id)
    return made.id


async def _claimed(dispute: UUID) -> Claimed:
    await fetch(sql("UPDATE dispute SET next_check_at = saldo_now() WHERE dispute_id = {} RETURNING 1", dispute))
    found = await disputes.claim_due(DisputeStatus.CREATED, limit=1, lease_seconds=60, by=SYSTEM)
    (claimed,) = found
    return claimed


async def _apart(dispute: UUID) -> None:
    """The pattern itself is never due."""
    later = "UPDATE dispute SET next_check_at = saldo_now() + interval '1 year' WHERE dispute_id = {} RETURNING 1"
    await fetch(sql(later, dispute))


async def due(status: DisputeStatus, many: int, *, anywhere: bool = False) -> None:
    """So many of a status are due now, the oldest of them or such as lie anywhere."""
    rows = await fetch(
        sql(
            f"""UPDATE dispute SET next_check_at = saldo_now() - random() * interval '1 second', attempts = 0
                 WHERE id IN (SELECT id FROM dispute WHERE status = {{}} AND next_check_at < saldo_now() + interval '30 days'
                               ORDER BY {"random()" if anywhere else "id"} LIMIT {{}}) RETURNING 1""",
            status.value,
            many,
        )
    )
    if len(rows) < many:
        raise RuntimeError(f"{len(rows)} disputes are {status.value}, {many} are wanted")
