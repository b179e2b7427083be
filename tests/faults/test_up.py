"""`saldo up` as a process: servers and tiny programs in place of the API and the worker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.processes import PROJECT, alive, free_ports, processes_of, until

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere children are found at the next start"),
]

SERVES = ("postgres/postmaster.pid", "redis/redis.pid", "api.pid", "worker.pid")


class House:
    """One home, and every `up` a test starts in it."""

    def __init__(self, home: Path) -> None:
        self.home, self.port, self._out = home, free_ports(), home.with_name("out")
        self.started: list[subprocess.Popen[bytes]] = []

    def up(self, seed: str = "good", **env: str) -> subprocess.Popen[bytes]:
        ours = {"SALDO_ENV": "development", "SALDO_HOME": str(self.home), "SALDO_PORT": str(self.port), **env}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SALDO_")}
        with self._out.open("wb") as out:
            argv = [sys.executable, "-W", "error", "-m", "tests.faults.tiny_house", "house", seed]
            process = subprocess.Popen(argv, cwd=PROJECT, env=clean | ours, stdout=out, stderr=subprocess.STDOUT)
        self.started.append(process)
        return process

    @property
    def said(self) -> str:
        return self._out.read_text()

    def until_up(self) -> None:
        until(lambda: "Try it:" in self.said or self.started[-1].poll() is not None)
        assert self.started[-1].poll() is None, self.said

    def starts_seen(self) -> int:
        """What the tiny migration counts in the database."""
        return int(self.said.partition("starts seen: ")[2].split()[0])

    def pids(self) -> list[int]:
        return [int((self.home / name).read_text().split()[0]) for name in SERVES]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: a data folder takes longer to make than everything else together."""
    return tmp_path_factory.mktemp("up") / "home"


@pytest.fixture
def house(home: Path) -> Iterator[House]:
    house = House(home)
    yield house
    for process in house.started:
        process.kill()
        process.wait()
    until(lambda: not processes_of(house.home))


def test_everything_starts_is_shown_comes_back_and_stops(house):
    process = house.up()
    house.until_up()
    for shown in (
        "    seed | the seed is good\n",
        f"http://127.0.0.1:{house.port}/graphql\n",
        f"http://127.0.0.1:{house.port + 1}/healthz\n",
        "operator token:\ntoken-of-operator\n",
        "user token:\n(none",
        "-H 'authorization: Bearer token-of-operator'",
    ):
        assert shown in house.said

    for name in SERVES:
        file = house.home / name
        killed = int(file.read_text().split()[0])
        os.kill(killed, signal.SIGKILL)
        until(lambda file=file, killed=killed: other_than(killed, file))
    until(lambda: house.said.count("is ready again") == len(SERVES))
    assert all(alive(pid) for pid in house.pids())

    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert time.monotonic() - began < 5
    assert house.said.endswith("Stopped.\n")
    assert not processes_of(house.home)


def other_than(pid: int, file: Path) -> bool:
    try:
        return int(file.read_text().split()[0]) != pid
    except (OSError, IndexError):
        return False


def test_nothing_is_left_of_a_killed_one_and_the_next_start_goes_on(house):
    process = house.up()
    house.until_up()
    seen = house.starts_seen()
    pids = house.pids()
    assert len(processes_of(house.home)) >= 5
    process.kill()
    until(lambda: not processes_of(house.home), seconds=3)
    assert not any(alive(pid) for pid in pids)

    house.up()
    house.until_up()
    assert house.starts_seen() == seen + 1
    house.started[-1].terminate()
    assert house.started[-1].wait(10) == 0


def test_a_second_start_of_one_home_and_a_taken_port_are_told(house, tmp_path):
    first = house.up()
    house.until_up()
    assert house.up().wait(10) == 3
    assert (
        house.said
        == f"Not started: {house.home} is in use by process {first.pid}: stop it, or choose another SALDO_HOME.\n"
    )

    assert house.up(SALDO_HOME=str(tmp_path / "other")).wait(10) == 1
    assert house.said == f"Not started: Port {house.port} (the API) is in use: set SALDO_PORT to another one.\n"
    assert [entry.name for entry in (tmp_path / "other").iterdir()] == ["lock"]
    assert all(alive(pid) for pid in house.pids())


@pytest.mark.parametrize(("offset", "what"), [(1, "the worker's health"), (2, "the sandbox")])
def test_the_other_ports_in_use_are_told_too(house, offset, what):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", house.port + offset))
        taken.listen()
        assert house.up().wait(10) == 1
    assert f"Port {house.port + offset} ({what}) is in use" in house.said
    assert house.up(SALDO_PORT="65535").wait(10) == 1
    assert "set SALDO_PORT to 65533 or less" in house.said


def test_a_step_that_fails_is_shown_and_everything_stops(house):
    (house.home / "api.pid").unlink(missing_ok=True)
    process = house.up(seed="bad")
    assert process.wait(20) == 1
    assert "    seed | the seed is bad\n" in house.said
    assert house.said.endswith("Not started: `seed` ended with 9; what it said stands above.\n")
    assert not processes_of(house.home)
    assert not (house.home / "api.pid").exists()


def test_a_signal_while_it_starts_stops_it_too(house):
    process = house.up(seed="slow")
    until(lambda: "the seed is slow" in house.said)
    process.terminate()
    assert process.wait(10) == 0
    assert not processes_of(house.home)
