from __future__ import annotations

import pytest
import sentry_sdk

from tests.feed.conftest import relay, served, watch
from tests.inbox.conftest import sentry
from tests.payments.outside import world_beside
from tests.sandbox.conftest import box

__all__ = ["box", "relay", "sentry", "served", "told", "watch", "world"]


@pytest.fixture
def told(monkeypatch):
    """What Sentry was told by the checks: (job, step, subject)."""
    tags = []

    def capture(_error):
        scope = sentry_sdk.get_current_scope()
        tags.append(tuple(scope._tags[name] for name in ("job", "step", "subject")))

    monkeypatch.setattr(sentry_sdk, "capture_exception", capture)
    return tags


@pytest.fixture(autouse=True)
def chain(monkeypatch):
    """As in a worker that has just begun: it told nothing of the chain yet."""
    monkeypatch.setattr("jobs.payments._CHAIN.unread", False)


@pytest.fixture
async def world(make, box, knobs):
    async with world_beside(make, box, knobs) as made:
        yield made
