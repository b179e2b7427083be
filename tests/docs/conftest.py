"""What the pages show is done against an API and a worker that run as processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.embedded import ensure_database, start_services
from tests.faults.test_outages import House


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home: Path = tmp_path_factory.mktemp("tour") / "home"
    with start_services(home, durable=True) as services:
        asyncio.run(ensure_database(services.postgres_url()))
        house = House(services)
        house.run("migrate")
        house.run("seed")
        house.start("api")
        house.start("worker")
        yield house
        codes = [house.stop(name) for name in list(house.processes)]
    assert codes == [0, 0]
