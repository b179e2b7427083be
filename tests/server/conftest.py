"""A real API on a port of its own, with a folder of its own for files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateways.storage import storage
from gateways.wiring import ApiGateways
from tests.feed.conftest import Api


@pytest.fixture
async def served(database: None, redis: Any, tmp_path: Any, knobs: Any) -> AsyncIterator[Api]:
    knobs(home=tmp_path / "home")
    async with Api() as api:
        api.app.state.outside = ApiGateways(storage=storage())
        yield api


@pytest.fixture
async def client(served: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", timeout=30) as asking:
        yield asking
