"""PostgreSQL of one home: its data folder, its configuration, its address."""

from __future__ import annotations

import shutil
import signal
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import asyncpg

from server.embedded.binaries import postgres_binary
from server.embedded.identity import AsRoot, Identity, identity
from server.embedded.paths import fresh_log, make_private, prepare_home, run_folder
from server.embedded.service import Service, ServiceFailed, end_leftover

USER = "saldo"
PORT = "5432"
CONFIGURATION = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "on",
    "idle_in_transaction_session_timeout": "30s",
}
# A test database is thrown away, and a crash of the machine ends the test as well.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


def postgres_url(home: Path, database: str = "saldo") -> str:
    """The port names the socket; it is said, else a client would take PGPORT of whoever runs it."""
    return f"postgres://{USER}@/{quote(database, safe='')}?host={quote(str(run_folder(home)))}&port={PORT}"


def prepare_postgres(home: Path, *, durable: bool, as_root: AsRoot = "auto") -> Service:
    """Makes the data folder if there is none, writes the configuration, and says how to run the server.

    The caller holds the home's lock. May be called again after a kill at any point.
    """
    home = prepare_home(home)
    program, who, data = postgres_binary("postgres"), identity(as_root), home / "postgres"
    who.own(home)
    who.demand_reach(home, program)
    run = make_private(run_folder(home))
    who.own(run)
    if not data.exists():
        _initialise(data, who, durable=durable)
    who.own(data)
    _configure(data, run, durable=durable, who=who)
    return Service(
        name="postgres",
        argv=[*who.prefix, str(program), "-D", str(data)],
        stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
        ready=lambda pid: _ready(data, pid),
        log=fresh_log(home, "postgres"),
        before_start=lambda: clear_stale_pid_file(data),
        spawn_options=who.spawn_options,
    )


async def ensure_database(url: str) -> None:
    """Creates the database a URL names, unless it is there; two callers at once are both content."""
    name = unquote(urlsplit(url).path.lstrip("/"))
    connection = await asyncpg.connect(url, database="postgres")
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                await connection.execute(f'CREATE DATABASE "{name.replace(chr(34), chr(34) * 2)}"')
    finally:
        await connection.close()


def clear_stale_pid_file(data: Path) -> None:
    """PostgreSQL refuses to start while *any* process has the number in its pid file.

    After a kill that may be a zombie nobody reaps, and after the restart of a container a stranger with the same
    small number. A server of ours that its killed parent left behind is ended first.
    """
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n")[0])
    except FileNotFoundError:
        return
    except ValueError:
        pid = 0  # killed while it wrote the file
    if pid > 0:
        end_leftover(pid, str(data), signal.SIGINT, "PostgreSQL")
    file.unlink(missing_ok=True)


def _initialise(data: Path, who: Identity, *, durable: bool) -> None:
    """initdb into a folder beside, then one rename: a data folder that exists is a whole one."""
    beside = data.with_name("postgres.new")
    shutil.rmtree(beside, ignore_errors=True)
    # The built-in provider sorts alike on every machine and after every upgrade of the system's libraries.
    locale = ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    flags = ["-U", USER, "--auth=trust", "-E", "UTF8", *locale, "--no-instructions"]
    argv = [str(postgres_binary("initdb")), "-D", str(beside), *flags, *([] if durable else ["--no-sync"])]
    done = who.run(argv)
    if done.returncode != 0:
        raise ServiceFailed(f"initdb ended with {done.returncode}:\n{done.stdout}")
    with (beside / "postgresql.conf").open("a") as file:
        file.write("\ninclude 'saldo.conf'  # written anew at each start\n")
    beside.rename(data)


def _configure(data: Path, run: Path, *, durable: bool, who: Identity) -> None:
    """Our file is replaced, not edited, so what a newer version changes reaches old homes."""
    wanted = {**CONFIGURATION, "unix_socket_directories": str(run), **({} if durable else NOT_DURABLE)}
    beside = data / "saldo.conf.new"
    beside.write_text("".join(f"{name} = '{value}'\n" for name, value in wanted.items()))
    who.own(beside)
    beside.replace(data / "saldo.conf")


def _ready(data: Path, pid: int) -> bool:
    """The server's own note, which costs no connection. The pid is compared, else a stale file would say yes."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return len(lines) > 7 and lines[7].strip() == "ready" and int(lines[0]) == pid
    except (OSError, ValueError):
        return False
