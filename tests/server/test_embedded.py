"""PostgreSQL and Redis of one home, with real processes: what is kept, what is cleared away, as whom they run."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from redis import Redis

from server.embedded import (
    HomeInUse,
    MissingBinary,
    NoIdentity,
    ServiceFailed,
    UnsafeFolder,
    binaries,
    ensure_database,
    postgres_url,
    prepare_postgres,
    redis_url,
    start_services,
)
from server.embedded.identity import AsRoot, identity
from server.embedded.paths import make_private, run_folder

pytestmark = pytest.mark.alone
ROOT = os.geteuid() == 0
PROJECT = Path(__file__).resolve().parents[2]
# A server that is not durable answers before the commit is written, and a kill loses it.
COMMIT_IS_WRITTEN = "SET synchronous_commit = on"
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    forget_sockets(home)


def forget_sockets(home: Path) -> None:
    """A home with a long path has its sockets in the temp folder."""
    if run_folder(home).parent != home:
        shutil.rmtree(run_folder(home), ignore_errors=True)


async def ask(url: str, *statements: str) -> object:
    """The first value of the last statement."""
    await ensure_database(url)
    connection = await asyncpg.connect(url)
    try:
        return [await connection.fetchval(statement) for statement in statements][-1]
    finally:
        await connection.close()


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def owner_and_mode(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_uid, stat.S_IMODE(found.st_mode)


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


async def test_two_homes_stand_side_by_side(tmp_path):
    with (
        start_services(tmp_path / "a", durable=False) as a,
        start_services(tmp_path / "b", durable=False) as b,
    ):
        await ask(a.postgres_url(), "CREATE TABLE only_here (x int)")
        assert await ask(b.postgres_url(), "SELECT to_regclass('only_here')") is None
        b.stop()
        assert await ask(a.postgres_url(), "SELECT count(*) FROM only_here") == 0


async def test_an_initdb_that_was_killed_is_done_again(home):
    (home / "postgres.new" / "base").mkdir(parents=True)
    (home / "postgres.new" / "PG_VERSION").write_text("18\n")
    with start_services(home, durable=False) as services:
        assert await ask(services.postgres_url(), "SELECT 1") == 1
    assert not (home / "postgres.new").exists()


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
        with start_services(home, durable=True) as services:
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
    with (home / "postgres" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(ServiceFailed, match="no_such_setting"):
        start_services(home, durable=False)
    (home / "postgres" / "postgresql.conf").write_text("include 'saldo.conf'\n")
    start_services(home, durable=False).stop()


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "_wheel_folder", lambda package: None)
    with pytest.raises(MissingBinary, match=r"saldo\[local\].* SALDO_REDIS_URL"):
        binaries.redis_binary()
    with pytest.raises(MissingBinary, match=r"`postgres` is missing.* SALDO_DATABASE_URL"):
        binaries.postgres_binary("postgres")
    monkeypatch.setattr(binaries, "_wheel_folder", lambda package: tmp_path)
    with pytest.raises(MissingBinary, match="does not exist"):
        binaries.redis_binary()


def test_a_redis_on_path_is_preferred(monkeypatch, tmp_path):
    program = tmp_path / "valkey-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert binaries.redis_binary() == program


# --- as whom --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not ROOT, reason="only root needs a disguise")
@pytest.mark.parametrize("disguise", ["namespace", "capability", "nobody"])
async def test_root_runs_them_as_somebody_else(disguise: AsRoot):
    try:
        identity(disguise)
    except NoIdentity:
        pytest.skip(f"this machine does not let root use the disguise {disguise!r}")
    home = Path(tempfile.mkdtemp())  # pytest's own folders are closed to nobody
    try:
        with start_services(home, durable=False, as_root=disguise) as services:
            assert (
                await ask(
                    services.postgres_url(), COMMIT_IS_WRITTEN, "CREATE TABLE t AS SELECT 1 AS x", "SELECT x FROM t"
                )
                == 1
            )
            with Redis.from_url(services.redis_url()) as redis:
                assert redis.ping()
            services.kill_postgres()
            services.start_postgres()
        with start_services(home, durable=False) as services:  # the usual way goes on with the same data
            assert await ask(services.postgres_url(), "SELECT x FROM t") == 1
        assert owner_and_mode(home / "postgres") == owner_and_mode(home) == ((identity().owner or (0, 0))[0], 0o700)
    finally:
        shutil.rmtree(home)


@pytest.mark.skipif(not ROOT, reason="only root needs a disguise")
def test_nobody_who_cannot_reach_the_home_is_told_which_folder(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o700)
    with pytest.raises(NoIdentity, match=r"cannot reach .*closed/home"):
        prepare_postgres(tmp_path / "closed" / "home", durable=False, as_root="nobody")


def python_for_nobody() -> str | None:
    """The interpreter of the environment often lies in root's home; the system's one may do as well."""
    check = "import sys, asyncpg; sys.exit(sys.version_info < (3, 11))"
    for candidate in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            done = subprocess.run(
                [candidate, "-c", check],
                env=for_nobody("/"),
                cwd="/",
                user="nobody",
                extra_groups=[],
                capture_output=True,
                check=False,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return candidate
    return None


def for_nobody(home: str) -> dict[str, str]:
    packages = os.pathsep.join([str(PROJECT), *(path for path in sys.path if path.endswith("site-packages"))])
    return {**ENVIRONMENT, "HOME": home, "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.skipif(not ROOT, reason="every other test runs as an ordinary user")
def test_an_ordinary_user_needs_no_disguise():
    python = python_for_nobody()
    if python is None:
        pytest.skip("no Python of this machine can be reached by nobody")
    folder = tempfile.mkdtemp()
    try:
        shutil.chown(folder, "nobody")
        code = """
            import asyncio, os, sys
            from pathlib import Path
            import asyncpg
            from server.embedded import ensure_database, start_services

            async def ask(url):
                await ensure_database(url)
                connection = await asyncpg.connect(url)
                print(os.getuid() != 0, await connection.fetchval("SELECT 6 * 7"))
                await connection.close()

            with start_services(Path(sys.argv[1]), durable=False) as services:
                asyncio.run(ask(services.postgres_url()))
        """
        argv = [python, "-c", textwrap.dedent(code), f"{folder}/home"]
        done = subprocess.run(
            argv,
            env=for_nobody(folder),
            cwd="/",
            user="nobody",
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("True 42\n", "")
    finally:
        shutil.rmtree(folder)


def test_stopping_twice_is_no_mistake(home):
    services = start_services(home, durable=False)
    os.kill(services.redis_pid(), signal.SIGKILL)
    services.stop()
    services.stop()
    assert gone(services.postgres_pid)
