"""PostgreSQL and Redis of one home, with real processes: what is kept, what is cleared away, as whom they run."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from server.embedded import (
    HomeInUse,
    ServiceFailed,
    UnsafeFolder,
    ensure_database,
    postgres_url,
    redis_url,
    start_services,
)
from server.embedded.paths import make_private, run_folder
from tests.server.embedding import COMMIT_IS_WRITTEN, ENVIRONMENT, ask, environment_of, forget_sockets, gone

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One for all who need no new one: a data folder takes longer to make than everything else together."""
    home = tmp_path_factory.mktemp("embedded") / "home"
    yield home
    forget_sockets(home)


# --- data -----------------------------------------------------------------------------------------------------------


async def test_data_is_kept_over_restarts(home):
    with start_services(home, durable=True) as first:
        assert await ask(first.postgres_url(), "CREATE TABLE t AS SELECT 41 AS x", "SHOW fsync") == "on"
        with Redis.from_url(first.redis_url()) as redis:
            redis.set("x", "42")
    with start_services(home, durable=True) as second:
        assert await ask(second.postgres_url(), "SELECT x FROM t") == 41
        with Redis.from_url(second.redis_url()) as redis:
            assert redis.get("x") == b"42"
    assert gone(first.postgres_pid)
    assert gone(second.postgres_pid)


async def test_a_killed_server_comes_back_and_redis_servers_know_nothing_of_each_other(home):
    with start_services(home, durable=False, redis_servers=2) as services:
        url = services.postgres_url("two words")
        assert (
            await ask(url, COMMIT_IS_WRITTEN, "CREATE TABLE t AS SELECT 1 AS x", "SELECT current_database()")
            == "two words"
        )
        killed = services.postgres_pid
        services.kill_postgres()
        services.start_postgres()
        assert services.postgres_pid != killed
        assert await ask(url, "SELECT x FROM t") == 1

        with Redis.from_url(services.redis_url(0)) as one, Redis.from_url(services.redis_url(1, database=3)) as other:
            other.set("x", "other")
            assert one.dbsize() == 0
            services.kill_redis(0)
            assert other.get("x") == b"other"
            services.start_redis(0)
            assert one.ping()


async def test_two_homes_stand_side_by_side(home, tmp_path):
    with (
        start_services(home, durable=False) as a,
        start_services(tmp_path / "other", durable=False) as b,
    ):
        await ask(a.postgres_url(), "CREATE TABLE only_here (x int)")
        assert await ask(b.postgres_url(), "SELECT to_regclass('only_here')") is None
        b.stop()
        assert await ask(a.postgres_url(), "SELECT count(*) FROM only_here") == 0


async def test_an_initdb_that_was_killed_is_done_again(tmp_path):
    beside = tmp_path / "home" / "postgres.new"
    beside.joinpath("base").mkdir(parents=True)
    beside.joinpath("PG_VERSION").write_text("18\n")
    with start_services(tmp_path / "home", durable=False) as services:
        assert await ask(services.postgres_url(), "SELECT 1") == 1
    assert not beside.exists()


async def test_a_database_is_ensured_twice_and_with_quotes(home):
    with start_services(home, durable=False) as services:
        for _ in range(2):
            await ensure_database(services.postgres_url('a"b'))
        names = await ask(
            services.postgres_url(), "SELECT count(*) FROM pg_database WHERE datname IN ('a\"b', 'saldo')"
        )
    assert names == 2


async def test_the_environment_of_whoever_starts_it_changes_nothing(home, monkeypatch):
    monkeypatch.setenv("PGPORT", "6000")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("SALDO_TOKEN_SECRET", "s" * 40)
    with start_services(home, durable=False) as services:
        assert await ask(services.postgres_url(), "SHOW port") == "5432"
        assert b"SALDO" not in environment_of(services.postgres_pid)


def test_stopping_twice_is_no_mistake(home):
    services = start_services(home, durable=False)
    os.kill(services.redis_pid(), signal.SIGKILL)
    services.stop()
    services.stop()
    assert gone(services.postgres_pid)


# --- what a killed run leaves ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.parametrize("whose", ["dead", "stranger", "garbage"])
async def test_a_stale_pid_file_does_not_hinder(home, dead_pid, whose):
    with start_services(home, durable=False):
        pass
    number = {"dead": str(dead_pid), "stranger": str(os.getpid()), "garbage": ""}[whose]
    (home / "postgres" / "postmaster.pid").write_text(f"{number}\n{home}/postgres\n1\n5432\n\n\n\nready\n")
    (home / "redis" / "redis.pid").write_text(number)
    with start_services(home, durable=False) as services:
        assert await ask(services.postgres_url(), "SELECT 1") == 1


def leave_servers_running(home: Path) -> list[subprocess.Popen[bytes]]:
    first = start_services(home, durable=True)
    first.stop()
    left = [
        subprocess.Popen(argv, cwd="/", env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for argv in (first._postgres.service.argv, first._redis[0].service.argv)
    ]
    pid_files = (home / "postgres" / "postmaster.pid", home / "redis" / "redis.pid")
    deadline = time.monotonic() + 10
    while not all(file.exists() and file.read_text().strip() for file in pid_files):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return left


async def test_servers_that_outlived_their_parent_are_ended_first(home):
    """Where the kernel has no parent-death signal they outlive it; here they are started without one."""
    left = leave_servers_running(home)
    try:
        with start_services(home, durable=True) as services:
            assert [process.wait(5) for process in left] == [0, 0]
            assert await ask(services.postgres_url(), "SELECT 1") == 1
    finally:
        for process in left:
            process.kill()
            process.wait()


# --- folders --------------------------------------------------------------------------------------------------------


async def test_a_very_long_home_has_its_sockets_in_the_temp_folder(tmp_path):
    home = tmp_path / ("long, with 'odd' characters " * 5) / ("ы" * 60)
    try:
        with start_services(home, durable=False) as services:
            assert run_folder(home).parent == Path(tempfile.gettempdir())
            assert stat.S_IMODE(run_folder(home).stat().st_mode) == 0o700
            assert await ask(services.postgres_url(), "SELECT 1") == 1
            with Redis.from_url(services.redis_url()) as redis:
                assert redis.ping()
    finally:
        forget_sockets(home)


def test_homes_have_sockets_of_their_own(tmp_path):
    long = tmp_path / ("x" * 90)
    assert run_folder(long / "a") != run_folder(long / "b")
    assert redis_url(long, 3).endswith("/redis.sock?db=3")
    assert redis_url(long, index=2).endswith("/redis-2.sock?db=0")
    assert postgres_url(Path("/srv/saldo")) == "postgres://saldo@/saldo?host=/srv/saldo/run&port=5432"


def test_home_is_closed_to_others_and_what_is_above_is_left_alone(tmp_path):
    above = tmp_path / "above"
    above.mkdir(mode=0o751)
    above.chmod(0o751)
    home = above / "home"
    home.mkdir(mode=0o755)
    try:
        before = [
            (folder, folder.stat().st_mode, folder.stat().st_uid) for folder in (tmp_path, *tmp_path.parents, above)
        ]
        with start_services(home, durable=False):
            pass
        assert [(folder, folder.stat().st_mode, folder.stat().st_uid) for folder, _, _ in before] == before
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in home.iterdir() if folder.is_dir()} == {0o700}
    finally:
        forget_sockets(home)


def test_a_link_in_place_of_our_folder_is_refused(tmp_path):
    (tmp_path / "trap").symlink_to(tmp_path)
    with pytest.raises(UnsafeFolder, match="trap is no folder of this user"):
        make_private(tmp_path / "trap")


# --- refusals -------------------------------------------------------------------------------------------------------


def test_a_second_start_of_one_home_is_refused(home):
    with start_services(home, durable=False) as services:
        with pytest.raises(HomeInUse, match=f"in use by process {os.getpid()}"):
            start_services(home, durable=False)
        assert not gone(services.postgres_pid)


def test_a_server_that_does_not_start_says_why(home):
    start_services(home, durable=False).stop()
    configuration = home / "postgres" / "postgresql.conf"
    good = configuration.read_text()
    configuration.write_text(good + "no_such_setting = 1\n")
    with pytest.raises(ServiceFailed, match="no_such_setting"):
        start_services(home, durable=False)
    configuration.write_text(good)
    start_services(home, durable=False).stop()
