"""All servers of one home, run by the calling process: what the tests use."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from server.embedded.identity import AsRoot
from server.embedded.paths import HomeLock, prepare_home
from server.embedded.postgres import postgres_url, prepare_postgres
from server.embedded.redis import prepare_redis, redis_url
from server.embedded.service import Service, kill, launch, stop


class _Slot:
    """One server and its present process, if it runs."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self.process = launch(self.service)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, self.service.stop_signal)

    def kill(self) -> None:
        if self.process is not None:
            kill(self.process)

    @property
    def pid(self) -> int:
        if self.process is None:
            raise RuntimeError(f"{self.service.name} was not started")
        return self.process.pid


class Running:
    """Servers that answer. They end with `stop`, with the `with` block, or with the process that started them."""

    def __init__(self, home: Path, *, durable: bool, redis_servers: int, as_root: AsRoot) -> None:
        self.home = prepare_home(home)
        self._lock = HomeLock(self.home).take()
        try:
            self._postgres = _Slot(prepare_postgres(self.home, durable=durable, as_root=as_root))
            self._redis = [
                _Slot(prepare_redis(self.home, durable=durable, index=index, as_root=as_root))
                for index in range(redis_servers)
            ]
        except BaseException:
            self._lock.release()
            raise

    def start(self) -> Self:
        """All or none: a server that fails takes along those already started."""
        try:
            for slot in (self._postgres, *self._redis):
                slot.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """May be called twice."""
        for slot in (*reversed(self._redis), self._postgres):
            slot.stop()
        self._lock.release()

    def postgres_url(self, database: str = "saldo") -> str:
        return postgres_url(self.home, database)

    def redis_url(self, index: int = 0, database: int = 0) -> str:
        return redis_url(self.home, database, index=index)

    @property
    def postgres_pid(self) -> int:
        return self._postgres.pid

    def redis_pid(self, index: int = 0) -> int:
        return self._redis[index].pid

    def kill_postgres(self) -> None:
        self._postgres.kill()

    def start_postgres(self) -> None:
        self._postgres.start()

    def kill_redis(self, index: int = 0) -> None:
        self._redis[index].kill()

    def start_redis(self, index: int = 0) -> None:
        self._redis[index].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start_services(home: Path, *, durable: bool, redis_servers: int = 1, as_root: AsRoot = "auto") -> Running:
    """PostgreSQL and `redis_servers` Redis servers of this home, ready to answer. Databases are the caller's to make."""
    return Running(home, durable=durable, redis_servers=redis_servers, as_root=as_root).start()
