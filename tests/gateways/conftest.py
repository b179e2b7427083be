from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateways.outside import Outside
from gateways.tron.node import HttpNode
from tests.gateways.served import Server, serving


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as served:
        yield served


@pytest.fixture
async def outside(server: Server) -> AsyncIterator[Outside]:
    async with Outside("played", server.url, headers={"X-Api-Key": "hush-hush"}) as client:
        yield client


@pytest.fixture
async def node(server: Server) -> AsyncIterator[HttpNode]:
    async with Outside("tron", server.url) as client:
        yield HttpNode(client)
