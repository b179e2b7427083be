"""Where attachments are kept: a bucket that speaks S3, or a folder of this machine from which the API serves them.

Whatever happens to a call, it ends well or in `Unsure`; none waits longer than a call of any other system may, but for a
listing, of which each page is a call.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, TypeVar

import obstore
import structlog
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from gateways.addresses import Addresses
from gateways.disputing import OURS, Storage
from gateways.outside import TIMEOUT
from gateways.receipts import Unsure
from models.kernel.files import detected
from models.kernel.metrics import OUTSIDE
from settings import settings

if TYPE_CHECKING:
    from obstore import Attributes, ObjectMeta

log = structlog.get_logger(__name__)
T = TypeVar("T")
E = TypeVar("E")

SYSTEM = "storage"
UNKNOWN_TYPE = "application/octet-stream"
PART_BYTES = 64 * 1024
_AT_ONCE = 10
_PAGE = 1_000
EMPTY = "nothing is there at all"
_FAILURES = (BaseError, OSError, ValueError, RuntimeError)


def storage() -> ObjectStorage | None:
    """What the settings say; None: files are not kept here. ValueError names a setting that is wrong."""
    shared = settings()
    if shared.storage_url:
        return BucketStorage(_bucket(shared.storage_url))
    if not shared.attachments_sealed_with:
        return None
    public = shared.public_url or f"http://127.0.0.1:{shared.port}"
    return FolderStorage(shared.home / "attachments", Addresses(public, shared.attachments_sealed_with))


def _bucket(url: str) -> S3Store:
    """Credentials, region and endpoint are those of the environment, AWS_…"""
    shared = settings()
    try:
        return S3Store.from_url(
            url,
            client_options={
                "timeout": timedelta(seconds=shared.outside_timeout_seconds),
                "connect_timeout": timedelta(seconds=shared.outside_connect_seconds),
                "allow_http": shared.development,
            },
            retry_config={"max_retries": 1, "retry_timeout": timedelta(seconds=shared.outside_timeout_seconds)},
        )
    except _FAILURES as wrong:
        reason = type(wrong).__name__
    raise ValueError(f"SALDO_STORAGE_URL, or AWS_… beside it, is no address of a bucket: {reason}")


class ObjectStorage(Storage):
    """What a bucket and a folder have in common."""

    @property
    def _store(self) -> S3Store | LocalStore:
        raise NotImplementedError

    _in_order: ClassVar[bool]
    """Whether it lists by key."""

    def _told(self, mime_type: str) -> Attributes | None:
        """What is kept beside the bytes."""
        raise NotImplementedError

    def _make(self) -> None:
        """What must be there before anything is put."""

    async def _holds_anything(self) -> bool:
        raise NotImplementedError

    async def put(self, key: str, data: bytes, mime_type: str) -> None:
        """The same bytes under the same key again are no matter; others are `Unsure`, and change nothing."""

        async def put() -> None:
            self._make()
            try:
                await obstore.put_async(self._store, key, data, mode="create", attributes=self._told(mime_type))
            except AlreadyExistsError:
                there = await obstore.get_async(self._store, key)
                if bytes(await there.bytes_async()) != data:
                    raise

        await self._asked("put", put)

    async def present(self, keys: Sequence[str]) -> frozenset[str]:
        """A storage that holds nothing at all is a folder that is not mounted, or somebody else's bucket: it says nothing
        of our files."""
        asked = await self._each("present", keys, self._is_there)
        found = frozenset(key for key, there in zip(keys, asked, strict=True) if there)
        if keys and not found and not await self._asked("present", self._holds_anything):
            log.warning("no answer from outside", system=SYSTEM, operation="present", reason=EMPTY)
            raise Unsure(SYSTEM, "present", EMPTY)
        return found

    async def older(self, seconds: int, limit: int, after: str | None = None) -> Sequence[str]:
        return await self._older(datetime.now(UTC) - timedelta(seconds=seconds), limit, after)

    async def pages(self, seconds: int, limit: int, begin: str) -> AsyncGenerator[Sequence[str], None]:
        """A bucket is asked for each page; a folder, which has no order, is listed once."""
        if not self._in_order:
            listed = await self.older(seconds, sys.maxsize)
            first = bisect_right(listed, begin)
            around = [*listed[first:], *listed[:first]]
            for place in range(0, len(around), limit):
                yield around[place : place + limit]
            return
        after: str | None = begin
        while page := await self.older(seconds, limit, after):
            yield page
            after = page[-1]
        after = None
        while page := [key for key in await self.older(seconds, limit, after) if key <= begin]:
            yield page
            after = page[-1]

    async def _is_there(self, key: str) -> bool:
        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        return True

    async def _older(self, before: datetime, limit: int, after: str | None) -> list[str]:
        """Of our own alone. A bucket lists in order, and no further than is wanted; a folder as its files happen to lie."""
        found: list[str] = []
        async with contextlib.aclosing(self._listing(after)) as listing:
            while (page := await self._asked("older", lambda: _next(listing, None))) is not None:
                found += [one["path"] for one in page if one["last_modified"] < before]
                if self._in_order and len(found) >= limit:
                    break
        return sorted(found)[:limit]

    async def _listing(self, after: str | None) -> AsyncGenerator[Sequence[ObjectMeta], None]:
        try:
            store = self._store
        except FileNotFoundError:
            return
        async for page in obstore.list(store, prefix=OURS, offset=after, chunk_size=_PAGE):
            yield page

    async def _each(
        self, operation: str, keys: Sequence[str], ask: Callable[[str], Coroutine[object, object, T]]
    ) -> list[T]:
        """Each asked by itself, a few at once."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(key: str) -> T:
            async with places:
                return await self._asked(operation, lambda: ask(key))

        return await asyncio.gather(*map(one, keys))

    async def _asked(self, operation: str, ask: Callable[[], Coroutine[object, object, T]]) -> T:
        """The reason is raised outside of the handlers: what they caught may hold addresses."""
        started, outcome = monotonic(), "unsure"
        try:
            async with asyncio.timeout(settings().outside_timeout_seconds):
                answer = await ask()
        except TimeoutError:
            reason = TIMEOUT
        except _FAILURES as failure:
            reason = type(failure).__name__
        else:
            outcome = "accepted"
            return answer
        finally:
            OUTSIDE.labels(SYSTEM, operation, outcome).observe(monotonic() - started)
        log.warning("no answer from outside", system=SYSTEM, operation=operation, reason=reason)
        raise Unsure(SYSTEM, operation, reason)


class BucketStorage(ObjectStorage):
    """Files are fetched from the bucket itself, by addresses that it is asked to sign for."""

    _in_order = True

    def __init__(self, bucket: S3Store) -> None:
        self._bucket = bucket

    @property
    def _store(self) -> S3Store:
        return self._bucket

    def _told(self, mime_type: str) -> Attributes:
        return {"Content-Type": mime_type, "Content-Disposition": "attachment"}

    async def _holds_anything(self) -> bool:
        """One page of a listing, where there is more than one."""
        async for page in obstore.list(self._bucket, chunk_size=1):
            return bool(page)
        return False

    async def remove(self, keys: Sequence[str]) -> None:
        """All at once, which a bucket can; it passes over what is not there."""
        if keys:
            await self._asked("remove", lambda: obstore.delete_async(self._bucket, keys))

    async def link(self, key: str, seconds: int) -> str:
        return await self._asked(
            "link", lambda: obstore.sign_async(self._bucket, "GET", key, timedelta(seconds=seconds))
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is being read. `parts` ends early, with `Unsure`, where the storage fails."""

    size: int
    mime_type: str
    parts: AsyncIterator[bytes] = field(repr=False)


class FolderStorage(ObjectStorage):
    """The folder is made when something is put, for this user alone. It keeps no types: the bytes tell them again."""

    _in_order = False

    def __init__(self, folder: Path, addresses: Addresses) -> None:
        self._folder, self._addresses = folder, addresses

    @cached_property
    def _store(self) -> LocalStore:
        """FileNotFoundError: there is no folder, and so no file."""
        self._folder.stat()
        return LocalStore(self._folder)

    def _make(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def _holds_anything(self) -> bool:
        """Where a file ever was, the folder that it was in is left."""
        return bool(await asyncio.to_thread(os.listdir, self._folder))

    def _told(self, mime_type: str) -> None:
        return None

    async def remove(self, keys: Sequence[str]) -> None:
        await self._each("remove", keys, self._removed)

    async def _removed(self, key: str) -> None:
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return

    async def link(self, key: str, seconds: int) -> str:
        return self._addresses.of(key, seconds)

    async def open(self, token: str) -> Opened | None:
        """What the last part of an address gives. None: no such file, or none any more. Raises `Unsure`."""
        key = self._addresses.key(token)
        return await self._asked("open", lambda: self._opened(key)) if key else None

    async def _opened(self, key: str) -> Opened | None:
        try:
            found = await obstore.get_async(self._store, key)
        except FileNotFoundError:
            return None
        parts = found.stream(min_chunk_size=PART_BYTES)
        first = await anext(parts, b"")
        return Opened(found.meta["size"], detected(first) or UNKNOWN_TYPE, self._parts(first, parts))

    async def _parts(self, first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        part = first
        while part:
            yield part
            part = await self._asked("read", lambda: _next(rest, b""))


async def _next(parts: AsyncIterator[T], end: E) -> T | E:
    return await anext(parts, end)
