"""Verbs that must ask another system before they can answer: rights first, then whether it was done before, then the call, with a
deadline and no transaction open, then one operation, which takes what was heard and looks again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, ParamSpec, TypeVar

from models.events import log
from models.events.requests import Request, earlier
from models.kernel.refusals import Refusal, UpstreamUnavailable
from models.kernel.viewer import Viewer
from models.unit import NounRecord, Operation
from settings import settings

P = ParamSpec("P")
A = TypeVar("A")
G = TypeVar("G")
R = TypeVar("R", bound=NounRecord)


class Errand(Generic[P, A]):
    """A verb of several operations, or of one and a question before it. `refuses` is what a client may meet."""

    def __init__(
        self,
        body: Callable[P, Awaitable[A]],
        ends_in: tuple[Operation[Any, A], ...],
        refuses: tuple[type[Refusal], ...],
    ) -> None:
        self.body, self.__doc__ = body, body.__doc__
        self.refuses: frozenset[type[Refusal]] = frozenset(refuses).union(*(operation.refuses for operation in ends_in))

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> A:
        return await self.body(*args, **kwargs)


def errand(
    *ends_in: Operation[Any, A], refuses: tuple[type[Refusal], ...] = ()
) -> Callable[[Callable[P, Awaitable[A]]], Errand[P, A]]:
    """Make a verb of a coroutine that ends in one of these operations; `refuses` is what it refuses beside. That a system gives no
    answer goes without saying: where the answer has no room for it, it is an error of the request."""
    return lambda body: Errand(body, ends_in, refuses)


async def done_before(answers: type[R], by: Viewer, request: Request) -> R | None:
    """What the same request was answered before; nobody is asked again for it."""
    done = await earlier(by.subject, request)
    told = done and await log.told(done.subject, done.version)
    if not told:
        return None
    request.replay()
    return answers.of(told)


@asynccontextmanager
async def in_time(system: str) -> AsyncIterator[None]:
    """Around all that is asked outside, and around nothing that writes. Refuses UPSTREAM_UNAVAILABLE where it takes longer than a
    client waits."""
    try:
        async with asyncio.timeout(settings().errand_timeout_seconds):
            yield
    except TimeoutError:
        raise UpstreamUnavailable(system) from None


def there(gateway: G | None, system: str) -> G:
    """Refuses UPSTREAM_UNAVAILABLE for a system that is not connected."""
    if gateway is None:
        raise UpstreamUnavailable(system)
    return gateway
