"""The index over the chain that TronGrid keeps: the transfers of an address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.door import Answer
from sandbox.tron.addresses import base58
from sandbox.tron.blocks import Seen
from sandbox.tron.chain import Chain

PAGE, PAGE_MAX = 20, 200


class Declined(Exception):
    """A question that the index does not take."""


def transfers(chain: Chain, fields: dict[str, Any], head: int, solid: int) -> Answer:
    """Of token transfers of `address`, newest first unless asked otherwise."""
    try:
        address = base58(str(fields.get("address", "")))
        limit = _number(fields, "limit", PAGE)
        if not 1 <= limit <= PAGE_MAX:
            raise Declined(f"limit must be between 1 and {PAGE_MAX}")
        found = list(_asked_for(chain.by_address.get(address, ()), address, fields, head, solid))
        if str(fields.get("order_by", "block_timestamp,desc")) != "block_timestamp,asc":
            found.reverse()
        start = _after(found, str(fields["fingerprint"])) if fields.get("fingerprint") else 0
    except (Declined, ValueError) as no:
        return Answer({"success": False, "error": str(no), "statusCode": 400}, 400)
    page = found[start : start + limit]
    more = start + limit < len(found)
    meta = {"at": chain.clock(), "page_size": len(page), **({"fingerprint": _mark(page[-1])} if more else {})}
    return Answer({"data": [_shape(chain, seen) for seen in page], "success": True, "meta": meta})


def _asked_for(known: Iterable[Seen], address: str, fields: dict[str, Any], head: int, solid: int) -> Iterable[Seen]:
    newest = solid if _yes(fields, "only_confirmed") else head
    if _yes(fields, "only_unconfirmed"):
        known = (seen for seen in known if seen.block > solid)
    contract = base58(str(fields["contract_address"])) if fields.get("contract_address") else None
    since, until = _number(fields, "min_timestamp", 0), _number(fields, "max_timestamp", 2**63)
    for seen in known:
        moved = seen.transfer
        if (
            seen.block <= newest
            and since <= seen.at <= until
            and contract in (None, moved.token)
            and (not _yes(fields, "only_to") or moved.to == address)
            and (not _yes(fields, "only_from") or moved.sender == address)
        ):
            yield seen


def _mark(seen: Seen) -> str:
    return f"{seen.tx_id}{seen.log_index:08x}"


def _after(found: list[Seen], fingerprint: str) -> int:
    for position, seen in enumerate(found):
        if _mark(seen) == fingerprint:
            return position + 1
    raise Declined("invalid fingerprint")


def _shape(chain: Chain, seen: Seen) -> dict[str, Any]:
    moved, token = seen.transfer, chain.tokens[seen.transfer.token]
    return {
        "transaction_id": seen.tx_id,
        "token_info": {
            "symbol": token.symbol,
            "address": token.address,
            "decimals": token.decimals,
            "name": token.name,
        },
        "block_timestamp": seen.at,
        "from": moved.sender,
        "to": moved.to,
        "type": "Transfer",
        "value": str(moved.amount),
    }


def _yes(fields: dict[str, Any], name: str) -> bool:
    return str(fields.get(name, "")).lower() == "true"


def _number(fields: dict[str, Any], name: str, otherwise: int) -> int:
    given = fields.get(name)
    try:
        return otherwise if given in (None, "") else int(str(given))
    except ValueError:
        raise Declined(f"{name} must be a number") from None
