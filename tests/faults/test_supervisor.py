"""The supervisor with real processes: order, restarts, back-off, patience, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from server.output import Output
from server.supervisor import Child, ChildFailed, Supervisor
from tests.faults.processes import PROJECT, alive, until

pytestmark = pytest.mark.alone
NOTES_ITS_LIFE = """
    import os, signal, sys, time
    name, notes = sys.argv[1:]
    def note(what):
        with open(notes, "a") as file:
            file.write(f"{name} {what} {os.getpid()} {time.monotonic()}\\n")
    def stop(*_):
        note("stops")
        sys.exit(0)
    signal.signal(signal.SIGTERM, stop)
    note("starts")
    while True:
        time.sleep(1)
"""
DIES_AT_ONCE = "import sys, time; open(sys.argv[1], 'a').write(f'{time.monotonic()}\\n'); print('no luck'); sys.exit(7)"


def python(code: str, *words: object) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code), *map(str, words)]


def noted(notes: Path, what: str = "") -> list[list[str]]:
    lines = notes.read_text().splitlines() if notes.exists() else []
    return [line.split() for line in lines if what in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_starts_in_order_and_stops_in_reverse_on_a_signal(tmp_path, number):
    parent = start_parent(tmp_path / "notes", "abc")
    until(lambda: len(noted(tmp_path / "notes")) == 3)
    parent.send_signal(number)
    assert parent.communicate(timeout=5)[0].endswith("left cleanly\n")
    assert parent.returncode == 0
    acts = [" ".join(words[:2]) for words in noted(tmp_path / "notes")]
    assert acts == ["a starts", "b starts", "c starts", "c stops", "b stops", "a stops"]


def test_nothing_outlives_a_killed_parent(tmp_path):
    parent = start_parent(tmp_path / "notes", "ab")
    until(lambda: len(noted(tmp_path / "notes")) == 2)
    parent.kill()
    parent.communicate()
    until(lambda: not any(alive(int(words[2])) for words in noted(tmp_path / "notes")), seconds=3)
    assert len(noted(tmp_path / "notes", "stops")) == 2


def start_parent(notes: Path, names: str) -> subprocess.Popen[str]:
    code = """
        import asyncio, sys
        from pathlib import Path
        from server.supervisor import Child, Supervisor
        life, notes, names = sys.argv[1:]
        def child(name):
            return Child(name, [sys.executable, "-c", life, name, notes], ready=lambda pid: starts(name))
        def starts(name):
            return Path(notes).exists() and f"{name} starts" in Path(notes).read_text()
        async def main():
            async with Supervisor() as supervisor:
                for name in names:
                    await supervisor.start(child(name))
                await supervisor.wait()
            print("left cleanly")
        asyncio.run(main())
    """
    argv = python(code, textwrap.dedent(NOTES_ITS_LIFE), notes, names)
    return subprocess.Popen(argv, cwd=PROJECT, stdout=subprocess.PIPE, text=True)


async def test_a_killed_child_comes_back_and_others_stay(tmp_path):
    notes, said = tmp_path / "notes", io.StringIO()
    async with Supervisor(Output(said)) as supervisor:
        for name in ("a", "b"):
            await supervisor.start(Child(name, python(NOTES_ITS_LIFE, name, notes)))
        await soon(lambda: len(noted(notes, "starts")) == 2)
        first = {words[0]: int(words[2]) for words in noted(notes, "starts")}
        os.kill(first["a"], signal.SIGKILL)
        await soon(lambda: len(noted(notes, "starts")) == 3)
        assert noted(notes, "starts")[2][0] == "a"
        assert alive(first["b"])
    assert [words[0] for words in noted(notes, "stops")] == ["b", "a"]
    assert "a was ended by SIGKILL; starts again in 0.2 s" in said.getvalue()
    assert not any(alive(int(words[2])) for words in noted(notes))


async def test_a_child_that_dies_at_once_is_tried_with_growing_pauses(tmp_path):
    notes, said = tmp_path / "notes", io.StringIO()
    async with Supervisor(Output(said)) as supervisor:
        await supervisor.start(Child("luck", python(DIES_AT_ONCE, notes)))
        await soon(lambda: len(noted(notes)) == 4)
    starts = [float(words[0]) for words in noted(notes)]
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert all(pause > wanted for pause, wanted in zip(pauses, (0.2, 0.4, 0.8), strict=True))
    assert "    luck | no luck\n   saldo | luck ended with 7; starts again in 0.2 s\n" in said.getvalue()
    assert "starts again in 0.8 s" in said.getvalue()


async def test_a_first_start_that_fails_is_told_with_the_end_of_its_log(tmp_path):
    log = tmp_path / "luck.log"
    child = Child("luck", python(DIES_AT_ONCE, tmp_path / "notes"), ready=lambda _pid: False, log=log)
    with pytest.raises(ChildFailed, match=r"luck ended with 7, 3 times before it was ready[\s\S]*no luck"):
        async with Supervisor(Output(io.StringIO())) as supervisor:
            await supervisor.start(child)


async def test_a_child_that_is_never_ready_is_given_up_and_ended(tmp_path):
    notes = tmp_path / "notes"
    child = Child("slow", python(NOTES_ITS_LIFE, "slow", notes), ready=never, start_deadline_seconds=0.5)
    with pytest.raises(ChildFailed, match="slow was not ready in time"):
        async with Supervisor(Output(io.StringIO())) as supervisor:
            await supervisor.start(child)
    assert not any(alive(int(words[2])) for words in noted(notes))


async def never(_pid: int) -> bool:
    raise ConnectionError("a probe that fails is an answer too")


async def test_a_program_that_does_not_exist_is_told():
    with pytest.raises(ChildFailed, match="could not start"):
        async with Supervisor(Output(io.StringIO())) as supervisor:
            await supervisor.start(Child("none", ["/no/such/program"]))


async def test_a_child_that_does_not_listen_is_killed_with_its_family(tmp_path):
    family, said = tmp_path / "family", io.StringIO()
    deaf = """
        import os, signal, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.fork()
        with open(sys.argv[1], "a") as file:
            file.write(f"{os.getpid()}\\n")
        time.sleep(60)
    """
    async with Supervisor(Output(said)) as supervisor:
        await supervisor.start(Child("deaf", python(deaf, family), stop_grace_seconds=0.3))
        await soon(lambda: len(noted(family)) == 2)
        began = time.monotonic()
    assert 0.3 < time.monotonic() - began < 2
    assert "deaf did not stop in 0.3 s: killed" in said.getvalue()
    await soon(lambda: not any(alive(int(words[0])) for words in noted(family)))


async def test_a_reader_that_stands_still_hinders_nobody(tmp_path):
    """Megabytes, some of them in one line, while nothing is taken off the stream."""
    goes_on = threading.Event()
    talks = "import sys; sys.stdout.write('x' * 2_000_000 + 'line\\n' * 200_000)"
    async with Supervisor(Output(StandsStill(goes_on))) as supervisor:
        code = await asyncio.wait_for(supervisor.run_once(Child("talks", python(talks))), 15)
        goes_on.set()
    assert code == 0


class StandsStill(io.StringIO):
    def __init__(self, goes_on: threading.Event) -> None:
        super().__init__()
        self._goes_on = goes_on

    def write(self, text: str) -> int:
        self._goes_on.wait(20)
        return len(text)


async def test_a_command_that_ends_answers_its_code():
    said = io.StringIO()
    async with Supervisor(Output(said)) as supervisor:
        assert await supervisor.run_once(Child("good", python("print('well')"))) == 0
        assert await supervisor.run_once(Child("bad", python("import sys; sys.stderr.write('no'); sys.exit(4)"))) == 4
    assert said.getvalue() == "    good | well\n     bad | no\n"


async def soon(done, seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
