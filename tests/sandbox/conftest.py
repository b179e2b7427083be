from __future__ import annotations

import pytest

from tests.sandbox.playing import playing


@pytest.fixture
async def box(knobs):
    knobs(sandbox_block_seconds=0, sandbox_solid_after=2)
    async with playing() as played:
        yield played
