"""Thirty thousand disputes cost what thirty do: each page and each claim goes by an index, no further than it must."""

from __future__ import annotations

import itertools
import re
from contextlib import suppress
from uuid import UUID

import pytest

from models.disputes import reads
from models.disputes.lifecycle import DisputeStatus, Mode, PublicStatus
from models.disputes.operations import working
from models.disputes.reads import listing
from models.kernel import pages
from models.kernel.pages import Cut
from models.kernel.sql import Sql, transaction
from models.kernel.viewer import Role, Viewer
from tests.plans import explained, noting, touched, whole

MANY = """
INSERT INTO dispute (id, version, created_at, updated_at, dispute_id, invoice_id, payment_id, party_code, shop_code, shop_name,
                     provider_id, terminal_id, provider_trx, provider_dispute_id, currency, cost_minor, amount_minor, mode, status,
                     status_since, polling, polling_before, needs_attention, unrecoverable, adjustment_sent, failures, attempts,
                     next_check_at)
  SELECT n, 0, now() - n * interval '1 s', now(), ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'inv' || n, 'pay',
         CASE WHEN n % 3 = 0 THEN 'busy' ELSE 'party' || n % 300 END, 'shop' || n % 7, 's', n % 40, 1, 'trx' || n, 'theirs' || n,
         'RUB', 100, 100, CASE WHEN n % 2 = 0 THEN 'manual' ELSE 'automatic' END, status, now(),
         '{"multiplier": 2, "initial_seconds": 2, "cap_seconds": 300, "minutes": 600}', now() + interval '10 h', n % 5000 = 0,
         status = 'failed' AND n % 10 = 5, false, 0, 0, CASE WHEN n % 20 < 4 THEN now() - n * interval '1 s' END
    FROM (SELECT n, CASE n % 20 WHEN 0 THEN 'created' WHEN 1 THEN 'pending' WHEN 2 THEN 'manual_pending' WHEN 3 THEN
            'create_adjustment' WHEN 4 THEN 'cancelled' WHEN 5 THEN 'failed' ELSE 'succeeded' END AS status
            FROM generate_series(1, 30000) n) of;
ANALYZE dispute"""
STAFF = Viewer("op", frozenset({Role.OPERATOR}))
MERCHANTS = (
    Viewer("rare", frozenset({Role.MERCHANT}), party="party7"),
    Viewer("busy", frozenset({Role.MERCHANT}), party="busy"),
    Viewer("narrow", frozenset({Role.MERCHANT}), party="busy", shops=frozenset({"shop1"})),
    Viewer("nobody", frozenset({Role.MERCHANT}), party="nobody"),
)
OPENLY = {
    "all": reads.Wanted(),
    "busy party": reads.Wanted(party="busy"),
    "rare party": reads.Wanted(party="party7"),
    "a shop": reads.Wanted(party="busy", shop="shop3"),
    "open": reads.Wanted(public_status=PublicStatus.PENDING),
    "succeeded": reads.Wanted(public_status=PublicStatus.SUCCEEDED),
    "an invoice": reads.Wanted(invoice="inv77"),
    "a payment": reads.Wanted(invoice="inv77", payment="pay"),
    "an id": reads.Wanted(search="00000000-0000-4000-8000-000000000077"),
    "sought invoice": reads.Wanted(search="inv77"),
    "what is not": reads.Wanted(search="nothing"),
}
INNERLY = {
    "a status": reads.Wanted(status=DisputeStatus.MANUAL_PENDING),
    "a status that nobody has": reads.Wanted(status=DisputeStatus.POOLING_EXPIRED),
    "a provider": reads.Wanted(provider=7),
    "a provider that is not": reads.Wanted(provider=77),
    "a mode": reads.Wanted(mode=Mode.MANUAL),
    "attention": reads.Wanted(needs_attention=True),
    "their id": reads.Wanted(search="theirs77"),
    "their payment": reads.Wanted(search="trx77"),
}
ROWS_MAX = 3_000


@pytest.fixture(scope="module")
async def long_table(pool):
    async with transaction() as db:
        await db.execute("TRUNCATE dispute CASCADE")
        await db.execute(MANY)
    yield
    async with transaction() as db:
        await db.execute("TRUNCATE dispute CASCADE")


async def asked_by(monkeypatch, module, reading):
    asked = []
    with monkeypatch.context() as patched:
        patched.setattr(module, "fetch", noting(asked))
        await reading
    return asked


@pytest.mark.parametrize("viewer", [STAFF, *MERCHANTS], ids=lambda viewer: viewer.subject)
@pytest.mark.parametrize("order", [reads.NEWEST, reads.OLDEST], ids=lambda order: order.name)
async def test_a_page_is_read_by_an_index(long_table, monkeypatch, viewer, order):
    filters = OPENLY | (INNERLY if viewer is STAFF else {})
    for (name, wanted), cut in itertools.product(filters.items(), (Cut(first=20), Cut(last=20))):
        (query,) = await asked_by(monkeypatch, pages, reads.listed(viewer, wanted, order, cut))
        plan = await explained(query)
        assert not whole(plan, "dispute"), (name, cut, plan)
        assert touched(plan, "dispute") <= ROWS_MAX, (name, cut, touched(plan, "dispute"))


@pytest.mark.parametrize(
    "which", [77, UUID("00000000-0000-4000-8000-000000000077"), listing.OfPayment("inv77", "pay")], ids=repr
)
async def test_one_is_found_by_an_index(long_table, which):
    query = listing.visible_to(STAFF) & listing.meant(which)
    plan = await explained(Sql(f"SELECT r.* FROM dispute r WHERE {query.text}", query.values))
    assert touched(plan, "dispute") <= 2


class Explaining:
    """A unit that asks how PostgreSQL takes rows, and takes none."""

    def __init__(self):
        self.db, self.plans = self, []

    async def fetch(self, text, *values):
        numbered = re.sub(r"\$\d+", "{}", text)
        self.plans.append(await explained(Sql(numbered, values)))
        return []


@pytest.mark.parametrize("status", ["created", "pending", "manual_pending", "create_adjustment", "pooling_expired"])
async def test_a_claim_takes_the_longest_due_from_its_own_index(long_table, status):
    work = Explaining()
    due = DisputeStatus(status)
    await working.claim_due.__wrapped__(work, due, limit=60, lease_seconds=0, by=Viewer.system("test"))
    (plan,) = work.plans
    assert not whole(plan, "dispute"), plan
    assert touched(plan, "dispute") <= 60 * 3, touched(plan, "dispute")
    assert not [step for step in plan if "Sort" in step["Node Type"]], plan


async def test_a_claim_ends_where_the_moment_is(long_table):
    """However many wait for later: none of them is looked at."""
    work, later = Explaining(), "UPDATE dispute SET next_check_at = next_check_at + interval '1 day' WHERE id > 500"
    with suppress(Undone):
        async with transaction() as db:
            await db.execute(later)
            await working.claim_due.__wrapped__(
                work, DisputeStatus.CREATED, limit=60, lease_seconds=0, by=Viewer.system("test")
            )
            raise Undone
    (plan,) = work.plans
    assert 0 < touched(plan, "dispute") <= 2 * 25, plan


class Undone(Exception):
    """Ends a transaction without its changes."""
