"""Files that clients send: what they are said to be, what they are, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import puremagic

from models.kernel.refusals import FieldProblem
from settings import settings

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_MISNAMED = {".jp2": "image/jp2"}
"""What the library calls by another name than everybody else."""


@dataclass(frozen=True, slots=True)
class File:
    """The bytes of a file, and the media type that whoever sent it says it has."""

    data: bytes = field(repr=False)
    mime_type: str

    @property
    def media_type(self) -> str:
        """The type as it is compared and kept: in lower case, without parameters."""
        return self.mime_type.partition(";")[0].strip().lower()


class Fault(StrEnum):
    """What can be wrong with files, each for a refusal of its own."""

    NONE = "none"
    TOO_MANY = "too_many"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TYPE = "type"


def detected(data: bytes) -> str | None:
    """The media type that the bytes themselves tell. None: they tell none."""
    try:
        best = puremagic.magic_string(data)[0]
    except (puremagic.PureError, ValueError):
        return None
    return _MISNAMED.get(best.extension, best.mime_type) or None


def attachment_problems(files: Sequence[File], path: str = "attachments") -> Iterator[tuple[Fault, FieldProblem]]:
    """Everything that is wrong with what is to be attached: their number, then each file, with its place from 0.

    One that holds nothing, or too much, is not looked into. Pure but for the settings `attachment…`.
    """
    most = settings().attachments_max
    if not files:
        yield Fault.NONE, FieldProblem(path, f"must have 1 to {most} files")
    elif len(files) > most:
        yield Fault.TOO_MANY, FieldProblem(path, f"may have up to {most} files")
    else:
        for place, file in enumerate(files):
            yield from _problems(file, f"{path}.{place}")


def _problems(file: File, path: str) -> Iterator[tuple[Fault, FieldProblem]]:
    most = settings().attachment_max_bytes
    if not file.data:
        yield Fault.EMPTY, FieldProblem(path, "must not be empty")
    elif len(file.data) > most:
        yield Fault.TOO_LARGE, FieldProblem(path, f"may have up to {most} bytes")
    elif message := _mistyped(file):
        yield Fault.TYPE, FieldProblem(f"{path}.mimeType", message)


def _mistyped(file: File) -> str:
    """What is wrong with the type; empty: nothing."""
    allowed = [name.lower() for name in settings().attachment_types]
    if not _MEDIA_TYPE.fullmatch(file.media_type):
        return 'must be a media type, like "image/png"'
    if file.media_type not in allowed:
        return f"must be one of {', '.join(allowed)}"
    return "" if file.media_type == detected(file.data) else "must be what the file is: its bytes tell otherwise"
