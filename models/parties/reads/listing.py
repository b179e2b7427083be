"""What viewers read. Every read starts from what the viewer may see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from models.kernel.pages import Column, Cut, Order, Page, page
from models.kernel.refusals import NotFound
from models.kernel.sql import TRUE, Sql, fetch, join, sql
from models.kernel.viewer import Viewer
from models.parties.errors import PARTY_NOT_FOUND, SHOP_NOT_FOUND
from models.parties.reads.records import (
    ContractRecord,
    InstitutionRecord,
    PartyRecord,
    ShopRecord,
    TermSetRecord,
    ToolRecord,
)
from models.parties.views import contract_visible_to, party_visible_to, shop_visible_to, staff

R = TypeVar("R")


async def _by_id(table: str, seen: Sql, ids: Sequence[int], make: Callable[[Mapping[str, Any]], R]) -> dict[int, R]:
    where = seen & sql("r.id = ANY({}::bigint[])", list(ids))
    return {row["id"]: make(row) for row in await fetch(join([sql(f"SELECT r.* FROM {table} r WHERE"), where]))}


async def parties(viewer: Viewer, ids: Sequence[int]) -> dict[int, PartyRecord]:
    """Those of `ids` that there are and that the viewer may see."""
    return await _by_id("party", party_visible_to(viewer), ids, PartyRecord.of)


async def shops(viewer: Viewer, ids: Sequence[int]) -> dict[int, ShopRecord]:
    return await _by_id("shop", shop_visible_to(viewer), ids, ShopRecord.of)


async def contracts(viewer: Viewer, ids: Sequence[int]) -> dict[int, ContractRecord]:
    return await _by_id("contract", contract_visible_to(viewer), ids, ContractRecord.of)


async def tools(viewer: Viewer, ids: Sequence[int]) -> dict[int, ToolRecord]:
    return await _by_id("payout_tool", contract_visible_to(viewer, "r.contract_id"), ids, ToolRecord.of)


async def institutions(viewer: Viewer, ids: Sequence[int]) -> dict[int, InstitutionRecord]:
    return await _by_id("payment_institution", staff(viewer), ids, InstitutionRecord.of)


async def term_sets(viewer: Viewer, ids: Sequence[int]) -> dict[int, TermSetRecord]:
    return await _by_id("term_set", staff(viewer), ids, TermSetRecord.of)


async def party(viewer: Viewer, key: int | str) -> PartyRecord:
    """By its number, or its code. Refuses PARTY_NOT_FOUND."""
    where = party_visible_to(viewer) & sql(f"r.{'id' if isinstance(key, int) else 'code'} = {{}}", key)
    rows = await fetch(join([sql("SELECT r.* FROM party r WHERE"), where]))
    if not rows:
        raise NotFound("party", code=PARTY_NOT_FOUND)
    return PartyRecord.of(rows[0])


async def parties_of(viewer: Viewer, codes: Sequence[str]) -> dict[str, PartyRecord]:
    """By their codes."""
    where = party_visible_to(viewer) & sql("r.code = ANY({}::text[])", list(codes))
    return {
        row["code"]: PartyRecord.of(row) for row in await fetch(join([sql("SELECT r.* FROM party r WHERE"), where]))
    }


async def shop(viewer: Viewer, party_code: str, code: str) -> ShopRecord:
    """By both codes. Refuses PARTY_NOT_FOUND for a party that the viewer may not see, then SHOP_NOT_FOUND."""
    await party(viewer, party_code)
    where = shop_visible_to(viewer) & sql("r.party_code = {} AND r.code = {}", party_code, code)
    rows = await fetch(join([sql("SELECT r.* FROM shop r WHERE"), where]))
    if not rows:
        raise NotFound("shop", code=SHOP_NOT_FOUND)
    return ShopRecord.of(rows[0])


async def shops_of(viewer: Viewer, party_ids: Sequence[int], limit: int) -> list[ShopRecord]:
    """The shops of parties that were seen already, the oldest first, up to `limit` of each."""
    seen = shop_visible_to(viewer)
    query = join(
        [
            sql(
                "SELECT r.* FROM unnest({}::bigint[]) p(id) CROSS JOIN LATERAL (SELECT r.* FROM shop r WHERE",
                list(party_ids),
            ),
            seen & sql("r.party_id = p.id"),
            sql("ORDER BY r.id LIMIT {}) r", limit),
        ]
    )
    return [ShopRecord.of(row) for row in await fetch(query)]


async def contracts_of(viewer: Viewer, party_ids: Sequence[int]) -> list[ContractRecord]:
    """The contracts of parties that were seen already, the oldest first."""
    where = contract_visible_to(viewer) & sql("r.party_id = ANY({}::bigint[])", list(party_ids))
    rows = await fetch(join([sql("SELECT r.* FROM contract r WHERE"), where, sql("ORDER BY r.id")]))
    return [ContractRecord.of(row) for row in rows]


async def tools_of(viewer: Viewer, contract_ids: Sequence[int]) -> list[ToolRecord]:
    """The payout tools of contracts that were seen already, the oldest first."""
    where = contract_visible_to(viewer, "r.contract_id") & sql("r.contract_id = ANY({}::bigint[])", list(contract_ids))
    rows = await fetch(join([sql("SELECT r.* FROM payout_tool r WHERE"), where, sql("ORDER BY r.id")]))
    return [ToolRecord.of(row) for row in rows]


OLDEST_PARTY = Order("party", (Column("r.id", int),))
OLDEST_TERM_SET = Order("term_set", (Column("r.id", int),))
OLDEST_INSTITUTION = Order("payment_institution", (Column("r.id", int),))


async def parties_listed(viewer: Viewer, cut: Cut, *, blocked: bool | None = None) -> Page[PartyRecord]:
    """A page of the parties that the viewer may see, the oldest first."""
    wanted = TRUE if blocked is None else sql("(r.status = 'blocked') = {}", blocked)
    select = sql("SELECT r.* FROM party r")
    return await page(select, party_visible_to(viewer) & wanted, OLDEST_PARTY, cut, PartyRecord.of)


async def term_sets_listed(viewer: Viewer, cut: Cut) -> Page[TermSetRecord]:
    return await page(sql("SELECT r.* FROM term_set r"), staff(viewer), OLDEST_TERM_SET, cut, TermSetRecord.of)


async def institutions_listed(viewer: Viewer, cut: Cut) -> Page[InstitutionRecord]:
    select = sql("SELECT r.* FROM payment_institution r")
    return await page(select, staff(viewer), OLDEST_INSTITUTION, cut, InstitutionRecord.of)
