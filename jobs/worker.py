"""The worker: one arq worker for each queue in one process, and the loops beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from arq import ArqRedis, create_pool, cron
from arq.cron import CronJob
from arq.worker import Function, func
from arq.worker import Worker as ArqWorker

from gateways.wiring import Gateways
from jobs.beside import Loop, folder
from jobs.queues import (
    BURY,
    INNER_QUEUE,
    PUBLIC_QUEUE,
    TRIES_MAX,
    bury_message,
    deserializer,
    redis_settings,
    serialize,
)
from jobs.relay import Relay
from jobs.running import SLACK_SECONDS, scheduled, woken
from jobs.waking import ILL, Waker
from jobs.wiring import BODIES, PUBLIC
from models.kernel.tasks import cancelled
from models.wiring import JOBS
from models.work.jobs import Job
from settings import settings

log = structlog.get_logger("worker")


class Worker:
    """All of it, from `start` to `stop`. `failed` is set by a part that ended by itself: the process should end then."""

    def __init__(self, outside: Gateways | None = None) -> None:
        if unknown := sorted(set(settings().jobs_off) - set(BODIES)):
            raise ValueError(f"SALDO_JOBS_OFF names what is no job: {', '.join(unknown)}")
        self.outside = outside or Gateways()
        self.relay = Relay()
        self.loops: list[Loop | Relay | Waker] = [folder(), self.relay, Waker()]
        self.failed = asyncio.Event()
        self._arq: list[ArqWorker] = []
        self._rounds: list[asyncio.Task[Any]] = []
        self._loops: list[asyncio.Task[Any]] = []
        self._stopping = False

    async def start(self) -> None:
        """The loops at once, for they need no Redis; arq when Redis is reached. The pools are ours, so that whatever
        happens they are closed."""
        self._loops = [self._begun(loop.name, loop.run()) for loop in self.loops]
        self._arq.append(_inner(await create_pool(redis_settings()), self.outside))
        self._arq.append(_public(await create_pool(redis_settings())))
        self._rounds = [self._begun(f"arq {worker.queue_name}", _rounds(worker)) for worker in self._arq]

    async def stop(self) -> None:
        """Takes nothing new, gives running jobs their time, cancels what is left, and lets go of Redis last."""
        self._stopping = True
        for worker in self._arq:
            # arq ends by itself after the round it is in; cancelled in the middle of one it would leave it half done.
            worker.allow_pick_jobs, worker.burst, worker.max_burst_jobs = False, True, 0
        if self._rounds:
            await asyncio.wait(self._rounds, timeout=settings().job_stop_seconds)
        await cancelled([*self._rounds, *self._loops, *(task for w in self._arq for task in w.tasks.values())])
        for worker in self._arq:
            await worker.pool.aclose(close_connection_pool=True)

    @property
    def healthy(self) -> bool:
        return not self.failed.is_set() and all(loop.healthy for loop in self.loops)

    def _begun(self, name: str, body: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(body, name=name)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not self._stopping and not task.cancelled():
            log.error("part_of_the_worker_ended", part=task.get_name(), exc_info=task.exception())
            self.failed.set()


async def _rounds(worker: ArqWorker) -> None:
    """arq's rounds. It ends by itself where Redis is lost while it watches a key (a WatchError): it is begun again then.

    What it had counted for the job that it did not come to start is given back, or it would run fewer jobs each time, and
    in the end none.
    """
    while True:
        try:
            await worker.async_run()
        except ILL as error:
            log.warning("arq_begins_again", queue=worker.queue_name, error=repr(error))
            await asyncio.sleep(0.2)
            worker.job_counter = sum(not task.done() for task in worker.tasks.values())
            worker.sem = asyncio.BoundedSemaphore(worker.max_jobs + 1)
            for _ in range(worker.job_counter):
                await worker.sem.acquire()
        else:
            return


def _inner(pool: ArqRedis, outside: Gateways) -> ArqWorker:
    crons = [_cron(JOBS[name], outside) for name in BODIES if name not in settings().jobs_off]
    known: dict[str, Callable[..., Any]] = {line.name: line.coroutine for line in crons}
    return _worker(pool, INNER_QUEUE, known | {name: _woken(JOBS[name], outside) for name in BODIES}, crons)


def _public(pool: ArqRedis) -> ArqWorker:
    return _worker(pool, PUBLIC_QUEUE, dict(PUBLIC), [])


def _worker(pool: ArqRedis, queue: str, known: dict[str, Callable[..., Any]], crons: list[CronJob]) -> ArqWorker:
    limits = settings()
    lines = {line.name for line in crons}
    named = {BURY: bury_message} | {name: body for name, body in known.items() if name not in lines}
    functions: list[Function] = [
        func(body, name=name, keep_result=0, timeout=_timeout(name), max_tries=TRIES_MAX)
        for name, body in named.items()
    ]
    pool.job_serializer, pool.job_deserializer = serialize, deserializer(queue, known)  # nobody but us buries
    return ArqWorker(
        functions,
        queue_name=queue,
        cron_jobs=crons,
        redis_pool=pool,
        handle_signals=False,
        max_jobs=limits.jobs_at_once,
        job_timeout=limits.job_timeout_seconds,
        keep_result=0,
        poll_delay=limits.job_poll_ms / 1000,
        max_tries=5,
        health_check_interval=5,
        job_serializer=serialize,
        job_deserializer=pool.job_deserializer,
        log_results=False,
    )


def _timeout(name: str) -> int:
    """A little more than the job's own."""
    return JOBS[name].timeout_seconds + SLACK_SECONDS if name in JOBS else settings().job_timeout_seconds


def _woken(job: Job, outside: Gateways) -> Callable[..., Any]:
    """The function by which an event wakes a job."""

    async def run(_ctx: dict[Any, Any]) -> None:
        if job.name not in settings().jobs_off:
            await woken(job, BODIES, outside)

    return run


def _cron(job: Job, outside: Gateways) -> CronJob:
    """The line of arq's clock for a job's period. Its own timeout ends a little after the job's."""

    async def tick(ctx: dict[Any, Any], *_args: Any, **_kwargs: Any) -> None:
        await scheduled(job, BODIES, outside)

    timeout = job.timeout_seconds + SLACK_SECONDS
    return cron(tick, name=f"cron:{job.name}", timeout=timeout, max_tries=1, **_times(job.period_seconds))


def _times(period: int) -> dict[str, Any]:
    if period < 60:
        return {"second": set(range(0, 60, period))}
    if period < 3_600:
        return {"minute": set(range(0, 60, period // 60)), "second": 0}
    return {"minute": 0, "second": 0, "run_at_startup": True}
