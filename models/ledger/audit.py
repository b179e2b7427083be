"""Proves the books from SQL alone, and names what differs. It repairs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

import orjson

from models.kernel.clock import now
from models.kernel.sql import snapshot

DIFFERENCES_MAX = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One law of the books: `query` answers a row for whatever breaks it, its first column named `difference`."""

    name: str
    meaning: str
    query: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: nothing, or the first differences and how many there are in all."""

    check: str
    meaning: str
    differences: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """One audit of the books."""

    started_at: datetime
    finished_at: datetime
    accounts: int
    transfers: int
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        return not any(finding.count for finding in self.findings)

    def wire(self) -> dict[str, Any]:
        plain: dict[str, Any] = orjson.loads(orjson.dumps(asdict(self)))
        return plain

    @classmethod
    def read(cls, wire: dict[str, Any]) -> Self:
        findings = tuple(Finding(**f | {"differences": tuple(f["differences"])}) for f in wire["findings"])
        moments = {name: datetime.fromisoformat(wire[name]) for name in ("started_at", "finished_at")}
        return cls(**wire | moments | {"findings": findings})


CHECKS: tuple[Check, ...] = (
    Check(
        "zero_sum",
        "per currency, what accounts own sums to zero",
        """SELECT currency || ' sums to ' || sum(own) AS difference
             FROM (SELECT currency, own FROM ledger_account
                   UNION ALL SELECT a.currency, d.own_delta FROM ledger_delta d JOIN ledger_account a ON a.id = d.account_id) x
            GROUP BY currency HAVING sum(own) <> 0""",
    ),
    Check(
        "balance_is_transfers",
        "what an account owns is what its transfers brought less what they took",
        """SELECT a.name || ' ' || a.currency || ' owns ' || a.own || ', its transfers say ' || a.moved AS difference
             FROM (SELECT a.name, a.currency, a.own + coalesce(d.own, 0) AS own, coalesce(m.moved, 0) AS moved
                     FROM ledger_account a
                     LEFT JOIN (SELECT account_id, sum(own_delta) AS own FROM ledger_delta GROUP BY 1) d
                       ON d.account_id = a.id
                     LEFT JOIN (SELECT id, sum(amount) AS moved
                                  FROM (SELECT to_id AS id, amount FROM ledger_transfer
                                        UNION ALL SELECT from_id, -amount FROM ledger_transfer) leg GROUP BY 1) m
                       ON m.id = a.id) a
            WHERE a.own <> a.moved""",
    ),
    Check(
        "balance_is_entries",
        "what stands on an account is what its last entry says, and nothing where there is none",
        """SELECT a.name || ' ' || a.currency || ' differs from its last entry' AS difference
             FROM ledger_account a LEFT JOIN ledger_entry e ON e.account_id = a.id AND e.version = a.version
            WHERE (a.own, a.pending_out, a.pending_in)
                  <> (coalesce(e.own, 0), coalesce(e.pending_out, 0), coalesce(e.pending_in, 0))
               OR (a.version > 0) <> (e.version IS NOT NULL)""",
    ),
    Check(
        "entries_follow",
        "entries of an account are numbered without a gap, each the one before plus its change, never earlier",
        """SELECT 'account ' || account_id || ' entry ' || version || ' does not follow' AS difference
             FROM (SELECT *, lag(version, 1, 0::bigint) OVER w AS v, lag(own, 1, 0::bigint) OVER w AS o,
                          lag(pending_out, 1, 0::bigint) OVER w AS po, lag(pending_in, 1, 0::bigint) OVER w AS pi,
                          lag(at) OVER w AS t
                     FROM ledger_entry WINDOW w AS (PARTITION BY account_id ORDER BY version)) e
            WHERE version <> v + 1 OR own <> o + own_delta OR pending_out <> po + out_delta
               OR pending_in <> pi + in_delta OR at < t""",
    ),
    Check(
        "pending_is_plans",
        "what is pending on an account is what open plans hold",
        """SELECT a.name || ' ' || a.currency || ' has pending ' || a.p_out || '/' || a.p_in
                  || ', open plans say ' || a.plan_out || '/' || a.plan_in AS difference
             FROM (SELECT a.name, a.currency, a.pending_out + coalesce(d.o, 0) AS p_out, a.pending_in + coalesce(d.i, 0) AS p_in,
                          coalesce(n.o, 0) AS plan_out, coalesce(n.i, 0) AS plan_in
                     FROM ledger_account a
                     LEFT JOIN (SELECT account_id, sum(out_delta) AS o, sum(in_delta) AS i FROM ledger_delta GROUP BY 1) d
                       ON d.account_id = a.id
                     LEFT JOIN (SELECT account_id, sum(greatest(-net, 0)) AS o, sum(greatest(net, 0)) AS i
                                  FROM ledger_plan_net n JOIN ledger_plan p ON p.id = n.plan_id AND p.state = 'HOLD'
                                 GROUP BY 1) n ON n.account_id = a.id) a
            WHERE (a.p_out, a.p_in) <> (a.plan_out, a.plan_in)""",
    ),
    Check(
        "plans_are_postings",
        "the net of a plan on an account is that of its postings, and a committed plan is booked posting by posting",
        """SELECT 'plan ' || n.plan_id || ' on account ' || n.account_id || ' nets ' || n.net || ', not '
                  || coalesce(p.said, 0) AS difference
             FROM ledger_plan_net n
             LEFT JOIN (SELECT plan_id, account_id, sum(amount) AS said
                          FROM (SELECT plan_id, to_id AS account_id, amount FROM ledger_posting
                                UNION ALL SELECT plan_id, from_id, -amount FROM ledger_posting) leg GROUP BY 1, 2) p
               ON p.plan_id = n.plan_id AND p.account_id = n.account_id
            WHERE n.net <> coalesce(p.said, 0)
            UNION ALL
           SELECT 'plan ' || p.id || ' is ' || p.state || ' with ' || coalesce(t.booked, 0) || ' of '
                  || coalesce(g.posted, 0) || ' postings booked'
             FROM ledger_plan p
             LEFT JOIN (SELECT plan_id, count(*) AS posted FROM ledger_posting WHERE amount > 0 GROUP BY 1) g
               ON g.plan_id = p.id
             LEFT JOIN (SELECT plan_id, count(*) AS booked FROM ledger_transfer WHERE plan_id IS NOT NULL GROUP BY 1) t
               ON t.plan_id = p.id
            WHERE coalesce(t.booked, 0) <> CASE WHEN p.state = 'COMMIT' THEN coalesce(g.posted, 0) ELSE 0 END""",
    ),
    Check(
        "floors_hold",
        "no floored account owns less than what is pending out of it",
        """SELECT name || ' ' || currency || ' is below its floor' AS difference
             FROM ledger_account WHERE policy = 'floored' AND own - pending_out < 0""",
    ),
    Check(
        "announced_changes",
        "each change of an announced account is an event of the same version",
        """SELECT a.name || ' ' || a.currency || ' version ' || e.version || ' was not announced' AS difference
             FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id
            WHERE a.announced AND NOT EXISTS (
                  SELECT FROM event WHERE subject = 'account:' || a.id AND event.version = e.version)""",
    ),
)


async def audit(checks: Sequence[Check]) -> Report:
    """Run every check on one snapshot of the books."""
    started = now()
    async with snapshot() as db:
        await db.execute("SET LOCAL statement_timeout = '10min'")
        findings = tuple([await _run(db, check) for check in checks])
        size = await db.fetchrow(
            "SELECT (SELECT count(*) FROM ledger_account) AS accounts, (SELECT count(*) FROM ledger_transfer) AS transfers"
        )
    return Report(started, now(), size["accounts"], size["transfers"], findings)


async def _run(db: Any, check: Check) -> Finding:
    rows = await db.fetch(f"SELECT difference, count(*) OVER () AS n FROM ({check.query}) x LIMIT {DIFFERENCES_MAX}")
    return Finding(check.name, check.meaning, tuple(row["difference"] for row in rows), rows[0]["n"] if rows else 0)
