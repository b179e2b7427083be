from __future__ import annotations

import pytest

from tests.inbox.conftest import sentry
from tests.payments.outside import world_beside
from tests.sandbox.conftest import box

__all__ = ["box", "sentry", "world"]


@pytest.fixture
async def world(make, box, knobs):
    async with world_beside(make, box, knobs) as made:
        yield made
