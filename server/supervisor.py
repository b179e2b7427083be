"""Runs the processes of one machine: in order, each when the one before is ready, again when one dies, none left over.

Ready-made supervisors leave children behind when they are killed. Ours ties each child to itself (the kernel signals
it when we die), stops in reverse order, and kills what does not stop in its grace.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from server.embedded.children import forking_quietly, tied_to_parent
from server.embedded.service import tail
from server.output import Output

BACK_OFF_FIRST_SECONDS = 0.2
BACK_OFF_MAX_SECONDS = 10.0
LONG_LIFE_SECONDS = 30.0
FIRST_STARTS_MAX = 3  # deaths before it was ever ready: the cause stays, so the start fails
POLL_SECONDS = 0.05
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ChildFailed(RuntimeError):
    """A child did not become ready at its first start."""


@dataclass(frozen=True)
class Child:
    name: str
    argv: list[str]
    ready: Callable[[int], bool | Awaitable[bool]] = lambda pid: True  # given the pid
    env: dict[str, str] | None = None  # None: ours
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_seconds: float = 10.0
    start_deadline_seconds: float = 30.0
    spawn_options: dict[str, Any] = field(default_factory=dict)
    cwd: Path | None = None  # None: ours
    log: Path | None = None  # None: its lines go to our stdout, behind its name
    before_start: Callable[[], None] | None = None  # before every start, in a thread


class _Kept:
    """One child through all its lives."""

    def __init__(self, child: Child, output: Output) -> None:
        self.child = child
        self.first_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._output = output
        self._asked = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        self._asked.set()
        self._signal(self.child.stop_signal)
        done, _ = await asyncio.wait({self._task}, timeout=self.child.stop_grace_seconds)
        if not done:
            self._say(f"did not stop in {self.child.stop_grace_seconds:g} s: killed")
            self._signal(signal.SIGKILL)
        await self._task

    async def _keep(self) -> None:
        pause, deaths = BACK_OFF_FIRST_SECONDS, 0
        while not self._asked.is_set():
            began = time.monotonic()
            how = await self._live()
            if self._asked.is_set():
                return
            deaths += 1
            if deaths >= FIRST_STARTS_MAX and not self.first_ready.done():
                self._fail(f"{how}, {deaths} times before it was ready")
                return
            if time.monotonic() - began >= LONG_LIFE_SECONDS:
                pause = BACK_OFF_FIRST_SECONDS
            self._say(f"{how}; starts again in {pause:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), pause)
            pause = min(2 * pause, BACK_OFF_MAX_SECONDS)

    async def _live(self) -> str:
        """One life, from start to end; answers how it ended."""
        try:
            if self.child.before_start is not None:
                await asyncio.to_thread(self.child.before_start)
            self._process = process = await spawn(self.child)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            return f"could not start: {error}"
        if self._asked.is_set():  # asked while it was being started, when there was nobody to tell
            self._signal(self.child.stop_signal)
        side = [asyncio.create_task(self._watch(process.pid))]
        if process.stdout is not None:
            side.append(asyncio.create_task(self._output.follow(self.child.name, process.stdout)))
        code = await process.wait()
        side[0].cancel()
        await asyncio.wait(side, timeout=1.0)  # a grandchild may hold the pipe open
        for task in side:
            task.cancel()
        return ended(code)

    async def _watch(self, pid: int) -> None:
        """Until it is ready. Past the deadline a first start has failed; a later one is killed and tried again."""
        deadline = time.monotonic() + self.child.start_deadline_seconds
        while not await self._is_ready(pid):
            if time.monotonic() > deadline:
                self._fail("was not ready in time")
                self._say("was not ready in time: killed")
                self._signal(signal.SIGKILL)
                return
            await asyncio.sleep(POLL_SECONDS)
        if self.first_ready.done():
            self._say("is ready again")
        else:
            self.first_ready.set_result(None)

    async def _is_ready(self, pid: int) -> bool:
        try:
            answer = self.child.ready(pid)
            return await answer if inspect.isawaitable(answer) else answer
        except Exception as error:  # noqa: BLE001  a bug of one probe must not end the watch over its child
            self._say(f"asked whether it is ready: {error!r}")
            return False

    def _fail(self, how: str) -> None:
        if not self.first_ready.done():
            said = f" {tail(self.child.log)}" if self.child.log else ""
            self.first_ready.set_exception(ChildFailed(f"{self.child.name} {how}.{said}"))
            self._asked.set()  # whoever asked for it hears why; it is not tried again behind his back

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            send(self._process, number)

    def _say(self, line: str) -> None:
        self._output.say("saldo", f"{self.child.name} {line}")


class Supervisor:
    """`async with` it: SIGINT, SIGTERM and SIGHUP leave the block, and leaving stops all in reverse order."""

    def __init__(self, output: Output | None = None) -> None:
        self.output = output or Output()
        self._kept: list[_Kept] = []
        self._main: asyncio.Task[Any] | None = None
        self._signalled = False

    async def start(self, child: Child) -> None:
        """Returns when it is ready; from then on it is started again whenever it ends."""
        kept = _Kept(child, self.output)
        self._kept.append(kept)
        await kept.first_ready

    async def run_once(self, child: Child) -> int:
        """A command that ends by itself; answers its exit code."""
        process = await spawn(child)
        follow = self.output.follow(child.name, process.stdout) if process.stdout else asyncio.sleep(0)
        try:
            await follow
            return await process.wait()
        finally:
            send(process, signal.SIGKILL)
            await process.wait()

    async def wait(self) -> None:
        """Until a signal."""
        await asyncio.Event().wait()

    async def __aenter__(self) -> Self:
        self._main = asyncio.current_task()
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._leave)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> bool:
        main, self._main = self._main, None  # from here on a signal changes nothing: we are stopping
        for kept in reversed(self._kept):
            await kept.stop()
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)
        self.output.close()
        ours = self._signalled and isinstance(error, asyncio.CancelledError)
        if ours and main is not None:
            main.uncancel()
        return ours

    def _leave(self) -> None:
        if self._main is not None and not self._signalled:
            self._signalled = True
            self._main.cancel()


async def spawn(child: Child) -> asyncio.subprocess.Process:
    program, *arguments = child.argv
    out = child.log.open("ab") if child.log else None
    try:
        with forking_quietly():
            return await asyncio.create_subprocess_exec(
                program,
                *arguments,
                stdout=out or subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=child.env,
                cwd=child.cwd,
                **tied_to_parent(child.stop_signal),
                **child.spawn_options,
            )
    finally:
        if out is not None:
            out.close()


def send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """A kill goes to the whole group, which is the child's own; a polite signal to the child, who tells his."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            (os.killpg if number == signal.SIGKILL else os.kill)(process.pid, number)


def ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
