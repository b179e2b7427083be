from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.disputes.world import World, world_beside
from tests.feed.conftest import relay, served, watch
from tests.make import Make
from tests.sandbox.playing import Played, playing

__all__ = ["relay", "served", "watch"]


@pytest.fixture
async def box() -> AsyncIterator[Played]:
    async with playing() as played:
        yield played


@pytest.fixture
async def world(make: Make, box: Played, knobs: Any, tmp_path: Any) -> AsyncIterator[World]:
    """Disputes beside a sandbox: the API and the worker ask it over HTTP; files are in a folder of the test."""
    async with world_beside(make, box, knobs, tmp_path) as made:
        yield made
