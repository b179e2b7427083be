"""One server as data, and how to run it to readiness without an event loop."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server.embedded.children import command_line, forking_quietly, server_environment, tied_to_parent

READY_DEADLINE_SECONDS = 30.0
STOP_GRACE_SECONDS = 10.0
LAUNCHES_MAX = 5
POLL_SECONDS = 0.01


class ServiceFailed(RuntimeError):
    """A server did not start or would not stop; the text ends with what it said last."""


@dataclass(frozen=True)
class Service:
    """What a supervisor or a test harness needs to run one server."""

    name: str
    argv: list[str]
    stop_signal: signal.Signals
    ready: Callable[[int], bool]  # given the pid
    log: Path
    before_start: Callable[[], None]  # clears what a killed run left; before every start, restarts too
    spawn_options: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=server_environment)


def launch(service: Service, deadline_seconds: float = READY_DEADLINE_SECONDS) -> subprocess.Popen[bytes]:
    """Starts a server and waits until it answers.

    One that ends by itself is tried a few times: processes and shared memory of a server killed a moment ago may
    still be there, and go by themselves.
    """
    deadline = time.monotonic() + deadline_seconds
    for _ in range(LAUNCHES_MAX):
        service.before_start()
        process = _spawn(service)
        if _wait_ready(service, process, deadline):
            return process
        time.sleep(0.2)
    raise ServiceFailed(f"{service.name} ended {LAUNCHES_MAX} times at its start. {tail(service.log)}")


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    """Asks, waits for the grace, then kills."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(STOP_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(STOP_GRACE_SECONDS)


def tail(log: Path, lines: int = 15) -> str:
    try:
        said = log.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        said = []
    return "\n".join([f"The end of {log}:", *said]) if said else f"{log} is empty."


def end_leftover(pid: int, mark: str, stop_signal: signal.Signals, name: str) -> None:
    """Ends a server that a killed parent left running on our data; a stranger who has the same number is not touched.

    The caller holds the home's lock, so nobody else can be using a process whose command line shows our folder.
    """
    deadline = time.monotonic() + STOP_GRACE_SECONDS
    asked = False
    while mark in (command_line(pid) or ""):
        if not asked:
            with suppress(ProcessLookupError):
                os.kill(pid, stop_signal)
            asked = True
        if time.monotonic() > deadline:
            raise ServiceFailed(f"{name} of an earlier run, process {pid}, does not stop: end it and start again.")
        time.sleep(0.02)


def _spawn(service: Service) -> subprocess.Popen[bytes]:
    with service.log.open("ab") as log, forking_quietly():
        return subprocess.Popen(
            service.argv,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=service.env,
            cwd="/",
            **tied_to_parent(service.stop_signal),
            **service.spawn_options,
        )


def _wait_ready(service: Service, process: subprocess.Popen[bytes], deadline: float) -> bool:
    """False when it ended by itself; past the deadline it is killed and reported."""
    while process.poll() is None:
        if service.ready(process.pid):
            return True
        if time.monotonic() > deadline:
            kill(process)
            raise ServiceFailed(f"{service.name} was not ready in time. {tail(service.log)}")
        time.sleep(POLL_SECONDS)
    return False
