"""`saldo up`: the whole house on one machine, out of one command, until Ctrl-C.

The order is a law of its own: the home's lock, free ports, servers, sandbox, migrations, the small world, API, worker. What
is ready is only then built upon, and leaving goes the same way back.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
from rich.console import Console

from server.addresses import address
from server.embedded import (
    HomeInUse,
    HomeLock,
    MissingBinary,
    NoIdentity,
    Service,
    ServiceFailed,
    UnsafeFolder,
    ensure_database,
    postgres_url,
    prepare_postgres,
    prepare_redis,
    redis_url,
)
from server.embedded.children import forking_quietly, tied_to_parent
from server.supervisor import Child, ChildFailed, Supervisor
from settings import Settings, settings

FAILED, IN_USE = 1, 3
# Longer than the 10 s the API and the worker give to what they are doing when they are told to stop.
GRACE_SECONDS = 15.0
PROBE_SECONDS = 2.0
EXAMPLE = '{"query": "{ deals { edges { node { number title status waitingFor { shortfall { amount } } } } } }"}'


class CannotListen(RuntimeError):
    """An address we need is taken or is not this machine's."""


class StepFailed(RuntimeError):
    """A command that has to succeed before the processes start did not."""


@dataclass(frozen=True)
class Command:
    name: str
    argv: list[str]
    ready_url: str = ""  # for what keeps running: answers 2xx when it is ready


@dataclass(frozen=True)
class Programs:
    """What runs above the servers: what the steps ask, steps to their end, then processes that stay, then tokens to show."""

    steps: list[Command]
    processes: list[Command]
    tokens: list[Command]
    beneath: list[Command] = field(default_factory=list)


def programs_of_saldo(config: Settings) -> Programs:
    def saldo(name: str, *words: str, ready_url: str = "") -> Command:
        return Command(name, [sys.executable, "-m", "server.cli", *words], ready_url)

    sandbox = []
    if config.development:
        sandbox = [Command("sandbox", [sys.executable, "-m", "sandbox"], f"{address(config, 2)}/healthz")]
    return Programs(
        steps=[saldo("migrate", "migrate"), saldo("seed", "seed")],
        processes=[
            saldo("api", "api", ready_url=f"{address(config)}/readyz"),
            saldo("worker", "worker", ready_url=f"{address(config, 1)}/readyz"),
        ],
        tokens=[
            saldo("operator", "token", "--role", "operator"),
            saldo("user", "token", "--role", "user", "--person", "1"),
            saldo("merchant", "token", "--role", "merchant", "--party", "demo-oak"),
        ],
        beneath=sandbox,
    )


async def up(programs: Programs | None = None, console: Console | None = None) -> int:
    """Runs until a signal. The exit code: 0 after a signal, 3 when the home is in use, 1 when something failed."""
    config, console = settings(), console or Console()
    try:
        with HomeLock(config.home):
            demand_free_ports(config)
            await _run(config, programs or programs_of_saldo(config), console)
    except HomeInUse as no:
        _print(console, f"Not started: {no}")
        return IN_USE
    except (CannotListen, StepFailed, ChildFailed, MissingBinary, NoIdentity, ServiceFailed, UnsafeFolder) as no:
        _print(console, f"Not started: {no}")
        return FAILED
    except (OSError, asyncpg.PostgresError) as no:
        _print(console, f"Not started: {type(no).__name__}: {no}")
        return FAILED
    _print(console, "Stopped.")
    return 0


async def _run(config: Settings, programs: Programs, console: Console) -> None:
    async with httpx.AsyncClient(timeout=PROBE_SECONDS, trust_env=False) as client, Supervisor() as supervisor:
        env = {**lively(config), **await _start_servers(supervisor, config)}
        for process in programs.beneath:
            await supervisor.start(_child(process, env, client))
        for step in programs.steps:
            if code := await supervisor.run_once(Child(step.name, step.argv, env=env)):
                raise StepFailed(f"`{step.name}` ended with {code}; what it said stands above.")
        for process in programs.processes:
            await supervisor.start(_child(process, env, client))
        tokens = {command.name: await _output_of(command, env) for command in programs.tokens}
        _welcome(console, config, tokens)
        await supervisor.wait()


def lively(config: Settings) -> dict[str, str]:
    """In development payments are looked at about as often as the sandbox makes blocks, deliveries that got no answer a moment
    later, and disputes too, unless the environment says otherwise. A tick that has nobody to wait for is short, so that those
    after it do not pile up."""
    if not config.development:
        return {}
    timeout = int(config.outside_timeout_seconds) + 15
    return {
        "SALDO_CHECK_PAYMENTS_PERIOD_SECONDS": "2",
        "SALDO_PAYMENT_TIMEOUT_SECONDS": str(timeout),
        "SALDO_RESOLVE_DELIVERIES_PERIOD_SECONDS": "2",
        "SALDO_DELIVERY_BACK_OFF_SECONDS": "1",
        "SALDO_PROCESS_CREATED_PERIOD_SECONDS": "2",
        "SALDO_PROCESS_PENDING_PERIOD_SECONDS": "2",
        "SALDO_PROCESS_ADJUSTMENTS_PERIOD_SECONDS": "2",
        "SALDO_DISPUTE_NOTIFICATIONS_PERIOD_SECONDS": "2",
    }


async def _start_servers(supervisor: Supervisor, config: Settings) -> dict[str, str]:
    """Starts what no setting names elsewhere; answers the environment in which everything else runs."""
    home = config.home.expanduser().resolve()
    database, redis = config.database_url, config.redis_url
    if not database:
        await supervisor.start(_server(prepare_postgres(home, durable=True)))
        database = postgres_url(home)
        await ensure_database(database)
    if not redis:
        await supervisor.start(_server(prepare_redis(home, durable=True)))
        redis = redis_url(home)
    ours = {"SALDO_DATABASE_URL": database, "SALDO_REDIS_URL": redis, "SALDO_ENV": config.env, "SALDO_HOME": str(home)}
    return {**os.environ, **ours, "PYTHONUNBUFFERED": "1"}


def _server(service: Service) -> Child:
    return Child(
        name=service.name,
        argv=service.argv,
        ready=service.ready,
        env=service.env,
        stop_signal=service.stop_signal,
        spawn_options=service.spawn_options,
        log=service.log,
        before_start=service.before_start,
        cwd=Path("/"),  # ours may be closed to the user it runs as
    )


def _child(command: Command, env: dict[str, str], client: httpx.AsyncClient) -> Child:
    async def ready(_pid: int) -> bool:
        return await _answers(client, command.ready_url)

    return Child(command.name, command.argv, ready=ready, env=env, stop_grace_seconds=GRACE_SECONDS)


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    if not url:
        return True
    try:
        return (await client.get(url)).is_success
    except httpx.HTTPError:
        return False


def demand_free_ports(config: Settings) -> None:
    """Asked before anything starts: a port found taken later would stop a house half built."""
    ours = ["the API", "the worker's health", *(["the sandbox"] if config.development else [])]
    for offset, what in enumerate(ours):
        port = config.port + offset
        if port > 65535:
            needed = f"{what[0].upper()}{what[1:]} would need port {port}"
            raise CannotListen(f"{needed}: set SALDO_PORT to {65535 - len(ours) + 1} or less.")
        _demand_free(config.host, port, what)


def _demand_free(host: str, port: int, what: str) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection just closed is no hindrance
            door.bind(address)
            door.listen(1)
    except OSError as no:
        if no.errno == errno.EADDRINUSE:
            raise CannotListen(f"Port {port} ({what}) is in use: set SALDO_PORT to another one.") from None
        raise CannotListen(
            f"Cannot listen on {host} port {port} ({what}): {no.strerror}. See SALDO_HOST and SALDO_PORT."
        ) from None


async def _output_of(command: Command, env: dict[str, str]) -> str:
    """What a short command prints; empty when it fails, for a token is a courtesy."""
    program, *arguments = command.argv
    with forking_quietly():
        process = await asyncio.create_subprocess_exec(
            program, *arguments, env=env, stdout=asyncio.subprocess.PIPE, **tied_to_parent(signal.SIGTERM)
        )
    said, _ = await process.communicate()
    return said.decode(errors="replace").strip() if process.returncode == 0 else ""


def _welcome(console: Console, config: Settings, tokens: dict[str, str]) -> None:
    api, worker = address(config), address(config, 1)
    addresses = {
        "GraphQL": f"{api}/graphql",
        "GraphiQL": f"{api}/graphiql",
        "health": f"{api}/healthz",
        "metrics": f"{api}/metrics",
        "worker": f"{worker}/healthz",
        **({"sandbox": f"{address(config, 2)}/control/calls"} if config.development else {}),
    }
    console.print("\n[bold green]Saldo is up.[/bold green] Ctrl-C stops all of it.\n")
    for name, url in addresses.items():
        _print(console, f"{name:>10}  {url}")
    for name, token in tokens.items():
        _print(console, f"\n{name} token:\n{token or '(none: the command that makes it failed)'}")
    bearer = next(iter(tokens.values()), "")
    _print(
        console,
        f"\nTry it:\ncurl -s {api}/graphql -H 'content-type: application/json' "
        f"-H 'authorization: Bearer {bearer}' -d '{EXAMPLE}'\n\n"
        "Then, in a second terminal: `make demo` plays a deal against it; docs/tour.md is the same by hand.\n",
    )


def _print(console: Console, text: str) -> None:
    """As it is: no colours inside, no line broken, so that it can be copied."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)
