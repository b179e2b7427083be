"""A hundred thousand payments cost what a hundred do: each read and each claim goes by an index, no further than it must."""

from __future__ import annotations

import itertools

import pytest

from models.kernel import pages
from models.kernel.pages import Cut
from models.kernel.sql import join, sql, transaction
from models.kernel.viewer import Role, Viewer
from models.payments import reads
from models.payments.lifecycle import PaymentStatus
from models.payments.reads import working
from models.work import claims
from tests.plans import explained, noting, touched, whole

MANY = """
INSERT INTO person (id, version, created_at, updated_at, name, status)
  SELECT n, 0, now(), now(), 'n', 'active' FROM generate_series(1, 500) n;
INSERT INTO payment_gateway (id, version, created_at, updated_at, code, name, service, status, limits, confirmations)
  VALUES (1, 0, now(), now(), 'usdt', 'n', 'tron', 'enabled', '{}', 0);
INSERT INTO payment (id, version, created_at, updated_at, gateway_id, person_id, service, currency, amount_minor, received_minor,
                     status, exception, gateway_data, needs_attention, expires_at, settled_at, failures, marks, attempts,
                     next_check_at)
  SELECT n, 0, now() - n * interval '1 s', now() - n * interval '1 s', 1, 1 + n % 500, CASE WHEN n % 50 = 0 THEN 'shop' END, 'USDT',
         5, 0, CASE WHEN n % 3 = 0 THEN 'success' ELSE 'waiting' END, 'none', '{}', n % 5000 = 0,
         now() + interval '1 h' - n * interval '1 s',
         CASE WHEN n % 3 = 0 THEN now() END, 0, CASE WHEN n % 4000 = 0 THEN 1 ELSE 0 END, 0, now() - n * interval '1 s'
    FROM generate_series(1, 30000) n;
INSERT INTO wallet (id, version, created_at, updated_at, payment_id, network, address, derivation_index, currency, received_minor,
                    swept_minor, status)
  SELECT id, 0, now(), now(), id, 'tron', 'T' || id, id, 'USDT', 0, 0, 'waiting' FROM payment;
ANALYZE payment; ANALYZE wallet; ANALYZE person"""
STAFF = Viewer("op", frozenset({Role.OPERATOR}))
PERSON = Viewer("u", frozenset({Role.USER}), person=7)
SHOP = Viewer("shop", frozenset({Role.SERVICE}))
FILTERS = {
    "none": reads.Wanted(),
    "person": reads.Wanted(person=7),
    "status": reads.Wanted(status=PaymentStatus.WAITING),
    "attention": reads.Wanted(needs_attention=True),
    "gateway": reads.Wanted(gateway="usdt"),
}
ROWS_MAX = 2_000


@pytest.fixture(scope="module")
async def long_table(pool):
    async with transaction() as db:
        await db.execute("TRUNCATE person, payment_gateway CASCADE")
        await db.execute(MANY)
    yield
    async with transaction() as db:
        await db.execute("TRUNCATE person, payment_gateway CASCADE")


@pytest.mark.parametrize("viewer", [STAFF, PERSON, SHOP], ids=lambda viewer: viewer.subject)
@pytest.mark.parametrize("order", [reads.NEWEST, reads.OLDEST, reads.CHANGED], ids=lambda order: order.name)
async def test_a_page_is_read_by_an_index(long_table, monkeypatch, viewer, order):
    for (name, wanted), backwards in itertools.product(FILTERS.items(), (False, True)):
        asked = []
        with monkeypatch.context() as patched:
            patched.setattr(pages, "fetch", noting(asked))
            await reads.listed(viewer, wanted, order, Cut(last=20) if backwards else Cut(first=20))
        for query in asked:
            plan = await explained(query)
            assert not whole(plan, "payment"), (name, plan)
            assert touched(plan, "payment") <= ROWS_MAX, (name, backwards, touched(plan, "payment"))


@pytest.mark.parametrize(("marked", "index"), [("r.marks > 0", "payment_due"), ("r.marks = 0", "payment_asked")])
async def test_a_claim_takes_the_longest_due_from_its_own_index(long_table, marked, index):
    query = join(
        [sql("SELECT r.id FROM payment r WHERE"), sql(f"{marked} AND r.next_check_at <= now()") & sql(claims.FREE)]
    )
    plan = await explained(join([query, sql("ORDER BY r.next_check_at, r.id LIMIT 60")]))
    assert {step.get("Index Name") for step in plan} & {index, "payment_due", "payment_asked"} == {index}
    assert touched(plan, "payment") <= 60


async def test_what_blocks_bring_is_looked_up_by_address(long_table):
    addresses = [f"T{n}" for n in range(29_990, 30_500)]
    plan = await explained(sql("SELECT * FROM wallet WHERE network = 'tron' AND address = ANY({}::text[])", addresses))
    assert touched(plan, "wallet") <= len(addresses)


async def test_what_waits_in_vain_is_found_by_its_end(long_table, monkeypatch):
    asked = []
    monkeypatch.setattr(working, "fetch", noting(asked))
    await reads.overdue(50)
    assert touched(await explained(asked[0]), "payment") <= ROWS_MAX
