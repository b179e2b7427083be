"""Merchants by the thousand: each a party with a contract, a tool and a shop that has earned something; and their payouts.

What there is once is brought by the operations: the terms, and the institution with the one account that takes all fees. The
rest are rows that say what the operations would have written.
"""

from __future__ import annotations

from benches.world import World
from models.kernel.viewer import Role, Viewer
from models.parties import operations as parties

OPERATOR = Viewer("bench", frozenset({Role.OPERATOR}))
FEES = [
    {"source": "merchant_settlement", "destination": target, "volume": {"share": {"parts": parts}}}
    for target, parts in (("merchant_payout", "3/4"), ("system_settlement", "1/4"))
]
"""Three quarters to the merchant, one to the house. [spec/payouts §13, F2]"""
TERMS = [{"terms": {"payouts": {"fees": {"value": FEES}}}}]

PARTIES = """
    INSERT INTO party (id, version, created_at, updated_at, code, name, status, suspended)
    SELECT n, 0, now(), now(), 'm' || n, 'Merchant ' || n, 'active', false FROM generate_series(1, $1::int) n"""
CONTRACTS = """
    INSERT INTO contract (id, version, created_at, updated_at, party_id, party_code, code, status, institution_id, terms_id,
                          adjustments)
    SELECT p.id, 0, now(), now(), p.id, p.code, 'c', 'active', i.id, t.id, '[]'
      FROM party p, payment_institution i, term_set t"""
TOOLS = """
    INSERT INTO payout_tool (id, version, created_at, updated_at, contract_id, party_code, code, status, kind, currency, details)
    SELECT id, 0, now(), now(), id, party_code, 'own', 'active', 'russian_bank_account', 'EUR',
           jsonb_build_object('account', (40702810400000000000 + id)::text, 'bank_name', 'A bank',
                              'bank_post_account', '30101810400000000225', 'bank_bik', '044525225') FROM contract"""
ACCOUNTS = """
    INSERT INTO ledger_account (kind, name, owner, currency, policy, announced, description)
    SELECT l.kind, 'shop:' || p.code || '/s:' || substr(l.kind, 6), 'shop:' || p.code || '/s', 'EUR', l.policy, l.announced, l.kind
      FROM party p, ledger_line l WHERE l.kind IN ('shop.settlement', 'shop.guarantee', 'shop.payout') ORDER BY p.id, l.kind"""
SHOPS = """
    INSERT INTO shop (id, version, created_at, updated_at, party_id, party_code, code, name, category, currency, status,
                      suspended, contract_id, payout_tool_id, settlement_account, guarantee_account, payout_account, revision,
                      scheduled)
    SELECT t.id, 0, now(), now(), t.id, t.party_code, 's', 'A shop', 1, 'EUR', 'active', false, t.id, t.id, s.id, g.id, p.id, 0,
           false
      FROM payout_tool t
      JOIN ledger_account s ON s.owner = 'shop:' || t.party_code || '/s' AND s.kind = 'shop.settlement'
      JOIN ledger_account g ON g.owner = s.owner AND g.kind = 'shop.guarantee'
      JOIN ledger_account p ON p.owner = s.owner AND p.kind = 'shop.payout'"""
EARNED = """
    SELECT ledger_post('bench', ARRAY['bench', 'service', NULL],
        'house.adjustments'::text || array_agg('shop.settlement'::text ORDER BY id),
        'house:adjustments'::text || array_agg('shop:' || party_code || '/s:settlement' ORDER BY id),
        'house'::text || array_agg('shop:' || party_code || '/s' ORDER BY id), 'EUR'::text || array_agg('EUR'::text),
        array_agg('shop.adjustment'::text), array_agg('earned:' || id ORDER BY id), array_agg(1),
        array_agg((id - $1 + 2)::int ORDER BY id), array_agg(1000000000::bigint), array_agg(''::text))
      FROM shop WHERE id BETWEEN $1::int AND $2::int"""
NUMBERED = """SELECT setval(pg_get_serial_sequence(t, 'id'), $1) FROM unnest(ARRAY['party', 'contract', 'payout_tool', 'shop']) t"""
PAYOUTS = """
    INSERT INTO payout (id, version, created_at, updated_at, payout_id, shop_id, party_code, shop_code, tool_id, tool_code,
                        tool_kind, destination, currency, requested_minor, amount_minor, fee_minor, cash_flow, status, sequence,
                        needs_attention)
    SELECT n, 1, now(), now(), 'p' || n, s.id, s.party_code, s.code, t.id, t.code, t.kind, t.details, 'EUR', 100000, 75000, 25000,
           jsonb_build_array(
             jsonb_build_object('source_type', 'merchant_settlement', 'source_id', s.settlement_account, 'destination_type',
               'merchant_payout', 'destination_id', s.payout_account, 'amount_minor', 75000, 'details', ''),
             jsonb_build_object('source_type', 'merchant_settlement', 'source_id', s.settlement_account, 'destination_type',
               'system_settlement', 'destination_id', fees.id, 'amount_minor', 25000, 'details', '')),
           w.status, 1, false
      FROM generate_series(1, $1::int) n
     CROSS JOIN LATERAL (SELECT CASE n / $2::int % 4 WHEN 0 THEN 'unpaid' ELSE 'confirmed' END AS status) w
      JOIN shop s ON s.id = n % $2::int + 1 JOIN payout_tool t ON t.id = s.payout_tool_id
      JOIN ledger_account fees ON fees.name = 'system:house:settlement' AND fees.currency = 'EUR'"""


async def merchants(world: World, count: int) -> None:
    """`m1`, `m2`, …: each with a shop `s` that has earned 10,000,000.00 EUR."""
    await parties.upsert_institution("house", "The house", ("EUR",), (), {}, by=OPERATOR)
    await parties.upsert_term_set("terms", "Terms", None, TERMS, by=OPERATOR)
    pool = await world.pool(1)
    await pool.execute(PARTIES, count)
    for made in (CONTRACTS, TOOLS, ACCOUNTS, SHOPS):
        await pool.execute(made, timeout=60)
    await pool.execute(NUMBERED, count)
    for first in range(1, count + 1, 500):
        answer = await pool.fetchval(EARNED, first, first + 499)
        if "refused" in answer:
            raise RuntimeError(answer)
    while await pool.fetchval("SELECT ledger_fold(10000)"):
        pass
    await pool.execute("VACUUM ANALYZE", timeout=120)
    await pool.close()


async def payouts(world: World, count: int, merchants: int) -> None:
    """So many payouts of `m1` to `m<merchants>`, three of four confirmed: rows to be listed, which no plan stands behind."""
    pool = await world.pool(1)
    await pool.execute(PAYOUTS, count, merchants, timeout=120)
    await pool.execute("SELECT setval(pg_get_serial_sequence('payout', 'id'), $1)", count)
    await pool.execute("ANALYZE payout", timeout=60)
    await pool.close()
