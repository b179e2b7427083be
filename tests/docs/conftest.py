"""What the pages show is done against an API, a worker and a sandbox that run as processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.house import House, running_house


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running_house(tmp_path_factory.mktemp("tour") / "home", "sandbox") as house:
        yield house
