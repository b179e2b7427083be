from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import sentry_sdk
from sentry_sdk.transport import Transport

from jobs.worker import Worker
from models.wiring import TOPICS
from server.telemetry import SENTRY
from tests.inbox.telling import Told


@pytest.fixture
def told(database, monkeypatch) -> Told:
    """What reached the handler of the topic `test.said`."""
    told = Told()
    monkeypatch.setitem(TOPICS, "test.said", told.topic)
    return told


class Kept(Transport):
    def __init__(self, events: list) -> None:
        super().__init__()
        self.events = events

    def capture_envelope(self, envelope) -> None:
        self.events += [event for item in envelope.items if (event := item.get_event())]


@pytest.fixture
def sentry():
    """What was told to Sentry."""
    events: list[dict] = []
    bare = {"default_integrations": False, "auto_enabling_integrations": False}  # they would change libraries for good
    sentry_sdk.init("http://key@localhost/1", transport=Kept(events), **SENTRY, **bare)
    yield events
    sentry_sdk.init(**bare)


@pytest.fixture
async def worker(database, redis, knobs) -> AsyncIterator[Worker]:
    knobs(inbox_period_seconds=1)
    running = Worker()
    await running.start()
    yield running
    await running.stop()
    assert not running.failed.is_set()
