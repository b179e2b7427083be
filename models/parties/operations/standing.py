"""Parties: brought, changed, blocked. [spec/payouts §2.4]"""

from __future__ import annotations

from typing import Any, TypeVar

from models.events.requests import Request
from models.kernel.inputs import code as code_problems
from models.kernel.inputs import text
from models.kernel.lifecycle import AlreadyThere
from models.kernel.refusals import IllegalMove, InvalidInput, NotAllowed, NotFound, VersionConflict
from models.kernel.rows import LivingRow
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.parties.errors import PARTY_NOT_FOUND, SHOP_NOT_FOUND
from models.parties.lifecycle import PARTIES, SHOPS, WRITERS
from models.parties.operations.noting import shops_change
from models.parties.reads import PartyRecord, ShopRecord
from models.parties.tables import CODE_MAX, NAME_MAX, REASON_MAX, Party, Shop
from models.unit import Unit, operation

T = TypeVar("T", bound=LivingRow)


def may_write(by: Viewer, what: str) -> None:
    """Refuses FORBIDDEN to all but operators and the house itself."""
    if not by.has(*WRITERS):
        raise NotAllowed(what)


@operation(answers=PartyRecord, refuses=(InvalidInput, NotAllowed, VersionConflict))
async def upsert_party(
    work: Unit, code: str, name: str, *, suspended: bool = False, by: Viewer, request: Request | None = None
) -> Party:
    """Bring a party, rename it, or suspend it and take that back. Locks its code, then the party, and its shops where they
    change with it. Repeated as it is: the party, nothing written."""
    may_write(by, "upsert")
    if problems := [*code_problems("partyId", code, CODE_MAX), *text("name", name, NAME_MAX)]:
        raise InvalidInput(*problems)
    await work.alone(f"party:{code}")
    if not await Party.exists(code=code):
        return await work.open(Party(code=code, name=name, suspended=suspended))
    party = await locked_party(work, code)
    if (party.name, party.suspended) == (name, suspended):
        raise AlreadyThere(party)
    PARTIES.may(party, "change", by)
    if party.suspended is not suspended:
        await shops_change(work, sql("party_id = {}", party.id))
    before = {"name": party.name, "suspended": party.suspended}
    party.name, party.suspended = name, suspended
    return await work.record(party, "change", before=before)


@operation(answers=PartyRecord, refuses=(NotFound, NotAllowed, IllegalMove, InvalidInput, VersionConflict))
async def block_party(work: Unit, code: str, reason: str, *, by: Viewer, request: Request | None = None) -> Party:
    """No new payout is made for any of its shops. Locks the party, then its shops: a payout that is being made ends first.
    Those that were made stay as they are."""
    return await _party_moved(work, code, "block", reason, by)


@operation(answers=PartyRecord, refuses=(NotFound, NotAllowed, IllegalMove, InvalidInput, VersionConflict))
async def unblock_party(work: Unit, code: str, reason: str, *, by: Viewer, request: Request | None = None) -> Party:
    """Take a block of the party back; its shops may be blocked themselves."""
    return await _party_moved(work, code, "unblock", reason, by)


async def _party_moved(work: Unit, code: str, move: str, reason: str, by: Viewer) -> Party:
    party = await locked_party(work, code)
    PARTIES.may(party, move, by)
    if problems := text("reason", reason, REASON_MAX):
        raise InvalidInput(*problems)
    await shops_change(work, sql("party_id = {}", party.id))
    party.reason = reason
    return await work.move(party, move, reason=reason)


@operation(answers=ShopRecord, refuses=(NotFound, NotAllowed, IllegalMove, InvalidInput, VersionConflict))
async def block_shop(
    work: Unit, party: str, code: str, reason: str, *, by: Viewer, request: Request | None = None
) -> Shop:
    """No new payout is made for this shop. Locks the shop: a payout that is being made ends first. Those that were made
    stay as they are."""
    return await _shop_moved(work, party, code, "block", reason, by)


@operation(answers=ShopRecord, refuses=(NotFound, NotAllowed, IllegalMove, InvalidInput, VersionConflict))
async def unblock_shop(
    work: Unit, party: str, code: str, reason: str, *, by: Viewer, request: Request | None = None
) -> Shop:
    """Take a block of the shop back; its party may be blocked itself."""
    return await _shop_moved(work, party, code, "unblock", reason, by)


async def _shop_moved(work: Unit, party: str, code: str, move: str, reason: str, by: Viewer) -> Shop:
    shop = await locked_shop(work, party, code)
    SHOPS.may(shop, move, by)
    if problems := text("reason", reason, REASON_MAX):
        raise InvalidInput(*problems)
    shop.reason, shop.revision = reason, shop.revision + 1
    return await work.move(shop, move, reason=reason)


async def locked_party(work: Unit, code: str) -> Party:
    """Refuses PARTY_NOT_FOUND."""
    return await work.lock(Party, sql("r.code = {}", code), visible_to=TRUE, code=PARTY_NOT_FOUND)


async def coded(table: type[T], code: str, **more: Any) -> T | None:
    """The row of that code. None, too, for what is too long to be one: Tortoise would fail over it."""
    return await table.get_or_none(code=code, **more) if len(code) <= CODE_MAX else None


async def known_party(work: Unit, code: str) -> int:
    """The id of the party of that code. Refuses PARTY_NOT_FOUND."""
    id: int | None = await work.db.fetchval("SELECT id FROM party WHERE code = $1", code)
    if id is None:
        raise NotFound("party", code=PARTY_NOT_FOUND)
    return id


async def locked_shop(work: Unit, party: str, code: str) -> Shop:
    """Refuses PARTY_NOT_FOUND, then SHOP_NOT_FOUND."""
    where = sql("r.party_id = {} AND r.code = {}", await known_party(work, party), code)
    return await work.lock(Shop, where, visible_to=TRUE, code=SHOP_NOT_FOUND)
