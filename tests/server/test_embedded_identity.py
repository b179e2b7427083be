"""As whom the embedded servers run: PostgreSQL refuses to be root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from server.embedded import NoIdentity, prepare_postgres, start_services
from server.embedded.identity import AsRoot, identity
from tests.server.embedding import COMMIT_IS_WRITTEN, ENVIRONMENT, ask, gone, owner_and_mode

pytestmark = pytest.mark.alone
ROOT = os.geteuid() == 0
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def open_home() -> Iterator[Path]:
    """In no folder of pytest's: those are closed to nobody. One for all, so it changes hands between the tests."""
    home = Path(tempfile.mkdtemp())
    yield home
    shutil.rmtree(home)


@pytest.mark.skipif(not ROOT, reason="only root needs a disguise")
@pytest.mark.parametrize("disguise", ["namespace", "capability", "nobody"])
async def test_root_runs_them_as_somebody_else(open_home: Path, disguise: AsRoot):
    demand(disguise)
    with start_services(open_home, durable=False, as_root=disguise) as services:
        await ask(services.postgres_url(), COMMIT_IS_WRITTEN, "CREATE TABLE IF NOT EXISTS t (x text)")
        await ask(services.postgres_url(), COMMIT_IS_WRITTEN, f"INSERT INTO t VALUES ('{disguise}')")
        with Redis.from_url(services.redis_url()) as redis:
            assert redis.ping()
        services.kill_postgres()
        services.start_postgres()
    with start_services(open_home, durable=False) as services:  # the usual way goes on with the same data
        assert await ask(services.postgres_url(), f"SELECT count(*) FROM t WHERE x = '{disguise}'") == 1
    usual = (identity().owner or (0, 0))[0]
    assert owner_and_mode(open_home / "postgres") == owner_and_mode(open_home) == (usual, 0o700)


@pytest.mark.skipif(not ROOT, reason="only root needs a disguise")
@pytest.mark.parametrize("disguise", ["namespace", "capability", "nobody"])
def test_no_disguise_outlives_a_killed_parent(open_home: Path, disguise: AsRoot):
    """Becoming somebody else may clear the parent-death signal: the kernel distrusts a change of credentials."""
    demand(disguise)
    code = """
        import sys, time
        from pathlib import Path
        from server.embedded import start_services
        services = start_services(Path(sys.argv[1]), durable=False, as_root=sys.argv[2])
        print(services.postgres_pid, services.redis_pid(), flush=True)
        time.sleep(60)
    """
    argv = [sys.executable, "-c", textwrap.dedent(code), str(open_home), disguise]
    with subprocess.Popen(argv, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as parent:
        servers = [int(word) for word in parent.stdout.readline().split()]
        assert len(servers) == 2
        parent.kill()
    deadline = time.monotonic() + 3
    while not all(gone(pid) for pid in servers):
        assert time.monotonic() < deadline, "a server outlived its parent"
        time.sleep(0.02)


def demand(disguise: AsRoot) -> None:
    try:
        identity(disguise)
    except NoIdentity:
        pytest.skip(f"this machine does not let root use the disguise {disguise!r}")


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
