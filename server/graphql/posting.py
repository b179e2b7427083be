"""What a POST asks: one JSON object, or the same with files beside it (GraphQL multipart request specification)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request as HttpRequest

from models.kernel.files import File
from server.bodies import Full, TooLarge, TooSlow, parts_of
from server.graphql.asking import Asked, well_formed
from server.graphql.errors import RequestError
from settings import settings

JSON, MULTIPART = "application/json", "multipart/form-data"
UPLOAD_HEADER = "saldo-upload"
"""With it a browser asks first whether a page of another origin may send files: a form alone cannot set it."""
Place = Callable[[File], None]


async def read_post(http: HttpRequest, places: contextlib.AsyncExitStack | None) -> Asked:
    """Raises RequestError, and ClientDisconnect for a request that stops half way. `places`: see `parts_of`."""
    media = _media(http)
    if media == MULTIPART and not http.headers.get(UPLOAD_HEADER):
        raise RequestError("BAD_USER_INPUT", "Files are sent with the header Saldo-Upload: 1.")
    try:
        async with contextlib.aclosing(parts_of(http, places)) as parts:
            return await (_with_files(http, parts) if media == MULTIPART else _json(parts))
    except TooLarge as large:
        raise RequestError("BAD_USER_INPUT", str(large), status=413) from None
    except TooSlow:
        raise RequestError("BAD_USER_INPUT", "The body did not come to its end in time.", status=408) from None
    except Full:
        raise RequestError("RATE_LIMITED", "Too many large requests are under way; ask again in a moment.") from None


def _media(http: HttpRequest) -> str:
    media, *parameters = (piece.strip() for piece in http.headers.get("content-type", "").lower().split(";"))
    if media not in (JSON, MULTIPART) or any(
        p.startswith("charset=") and p.strip('"') not in ("charset=utf-8", 'charset="utf-8') for p in parameters
    ):
        wanted = f"Requests are {JSON}, in UTF-8; with files, {MULTIPART}."
        raise RequestError("BAD_USER_INPUT", wanted, status=415)
    return media


async def _json(parts: AsyncGenerator[bytes, None]) -> Asked:
    body = bytearray()
    async for part in parts:
        body += part
    return well_formed(_object(body, "The body"))


def _object(text: bytes | bytearray | str, what: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise RequestError("BAD_USER_INPUT", f"{what} is not JSON.") from None
    if not isinstance(found, dict):
        raise RequestError("BAD_USER_INPUT", f"{what} must be one JSON object; batches are not taken.")
    return found


class _Parser(MultiPartParser):
    """Keeps files in memory, where their bytes were counted already: nothing of a stranger's touches the disk."""

    spool_max_size = 2**40

    def __init__(self, http: HttpRequest, parts: AsyncGenerator[bytes, None]) -> None:
        self._ended = False
        most, each = settings().attachments_max, settings().body_max_bytes
        super().__init__(http.headers, self._whole(parts), max_files=most, max_fields=2, max_part_size=each)

    def on_end(self) -> None:
        self._ended = True

    async def _whole(self, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """An end that is none fails within the parser, which then lets go of what it has."""
        async for part in parts:
            yield part
        if not self._ended:
            raise MultiPartException("The body ends before its last boundary.")


async def _with_files(http: HttpRequest, parts: AsyncGenerator[bytes, None]) -> Asked:
    """In this order: `operations`, `map`, then each file that `map` names."""
    try:
        form = await _Parser(http, parts).parse()
    except MultiPartException as wrong:
        raise RequestError("BAD_USER_INPUT", wrong.message) from None
    try:
        items = [(name, value if isinstance(value, str) else await _read(value)) for name, value in form.multi_items()]
    finally:
        await form.close()
    return _joined(items)


async def _read(file: UploadFile) -> File:
    return File(await file.read(), file.content_type or "")


def _joined(items: list[tuple[str, str | File]]) -> Asked:
    texts = [value for _, value in items[:2] if isinstance(value, str)]
    files = [(name, value) for name, value in items[2:] if isinstance(value, File)]
    if [name for name, _ in items[:2]] != ["operations", "map"] or len(texts) != 2 or len(files) != len(items) - 2:
        raise RequestError("BAD_USER_INPUT", "The parts are operations, map, then files, in this order.")
    operations, paths = _object(texts[0], "operations"), _mapped(_object(texts[1], "map"))
    if sorted(name for name, _ in files) != sorted(paths):
        raise RequestError("BAD_USER_INPUT", "map must name each file once, and nothing else.")
    places = {name: _place(operations, path) for name, path in paths.items()}
    for name, file in files:
        places[name](file)
    return replace(well_formed(operations), files=tuple(paths.values()))


def _mapped(told: Mapping[str, Any]) -> dict[str, str]:
    """Where each file belongs: one place for each, and one file for each place."""
    if not all(isinstance(paths, list) and len(paths) == 1 and isinstance(paths[0], str) for paths in told.values()):
        raise RequestError("BAD_USER_INPUT", 'map must give one path for each file, like {"0": ["variables.file"]}.')
    paths = {name: paths[0] for name, paths in told.items()}
    if len(set(paths.values())) < len(paths):
        raise RequestError("BAD_USER_INPUT", "map gives one place to several files.")
    return paths


def _place(operations: dict[str, Any], path: str) -> Place:
    """What puts a file into the variables: the path leads to a null there."""
    *steps, last = path.split(".")
    where: Any = operations
    for step in steps:
        where = _inside(where, step)
    key: Any = int(last) if isinstance(where, list) and _index(where, last) else last
    if not steps or steps[0] != "variables" or _inside(where, last, there=...) is not None:
        raise RequestError("BAD_USER_INPUT", f"{path[:100]} is not the place of a null in operations.")

    def put(file: File) -> None:
        where[key] = file

    return put


def _inside(value: Any, step: str, there: Any = None) -> Any:
    """What lies there; `there` where nothing does."""
    if isinstance(value, dict):
        return value.get(step, there)
    return value[int(step)] if isinstance(value, list) and _index(value, step) else there


def _index(items: list[Any], step: str) -> bool:
    return len(step) < 6 and step.isdecimal() and step == str(int(step)) and int(step) < len(items)
