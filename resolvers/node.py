"""Anything by its global id, and who asks."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import strawberry

import resolvers
from models.kernel.refusals import NotFound
from models.kernel.viewer import Viewer as Asker
from resolvers.access import query
from resolvers.finding import Finder
from schema.context import Info
from schema.node import Node, parse_id
from schema.viewer import Viewer


@cache
def _finders() -> dict[str, Finder[Any]]:
    return {noun: find for module in resolvers.modules() for noun, find in getattr(module, "NODES", {}).items()}


async def _find(viewer: Asker, ids: list[str]) -> dict[str, Node]:
    """Those of `ids` that there are and that the viewer may see; one read for each noun among them."""
    by_noun: dict[str, list[str]] = {}
    for id in dict.fromkeys(ids):
        parsed = parse_id(id)
        if parsed and parsed[0] in _finders():
            by_noun.setdefault(parsed[0], []).append(id)
    found = await asyncio.gather(*(_finders()[noun](viewer, some) for noun, some in by_noun.items()))
    return {id: node for part in found for id, node in part.items()}


@strawberry.type
class Queries:
    @query("Who asks: what the token of this request says.")
    async def viewer(self, info: Info) -> Viewer:
        return Viewer.of(info.context.viewer)

    @query("Anything by its global id.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        found = await _find(info.context.viewer, [id])
        if id not in found:
            raise NotFound("node")
        return found[id]

    @query("Several things by their global ids, in that order; null for what is unknown or not for the viewer.")
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        found = await _find(info.context.viewer, [str(id) for id in ids])
        return [found.get(id) for id in ids]
