"""What children say, line by line, behind their names; nobody waits for whoever reads it."""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from contextlib import suppress
from typing import TextIO

LINE_MAX_BYTES = 64 * 1024
LINES_WAITING_MAX = 10_000


class Output:
    """Lines to a stream through a thread of its own: a terminal that stands still must not stop us or a child.

    When too many lines wait, further ones are dropped; a stream that is gone swallows the rest.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lines: queue.Queue[str | None] = queue.Queue(LINES_WAITING_MAX)
        self._thread = threading.Thread(target=self._write, name="output", daemon=True)
        self._thread.start()

    def say(self, name: str, line: str) -> None:
        with suppress(queue.Full):
            self._lines.put_nowait(f"{name:>8} | {line}\n")

    def close(self) -> None:
        with suppress(queue.Full):
            self._lines.put_nowait(None)
        self._thread.join(1.0)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            with suppress(OSError, ValueError):
                self._stream.write(line)
                if self._lines.empty():
                    self._stream.flush()

    async def follow(self, name: str, reader: asyncio.StreamReader) -> None:
        """Every line of a child until it closes its end. A line without end is cut, so memory stays bounded."""
        rest = b""
        while chunk := await reader.read(LINE_MAX_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LINE_MAX_BYTES:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self.say(name, line.decode(errors="replace").rstrip("\r"))
        if rest:
            self.say(name, rest.decode(errors="replace"))
