"""Scalars that hold bytes, in a schema of their own: read strictly, and told with their path where they cannot be."""

from __future__ import annotations

import base64

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from models.kernel.files import File
from models.kernel.refusals import InvalidInput
from resolvers.access import query
from schema.scalars import SCALARS, Base64, Upload

BAD = "must be bytes in Base64, with its padding and without line breaks"
LARGE = bytes(range(256)) * 20_000


@strawberry.input
class Holder:
    data: Base64 | None = None
    file: Upload | None = None


@strawberry.type
class Queries:
    @query("What was taken.")
    async def taken(self, holders: list[Holder]) -> list[str]:
        return [repr(one.data) if one.data is not None else repr(one.file) for one in holders]

    @query("How much was taken.")
    async def weight(self, holder: Holder) -> int:
        return len(holder.data or b"")

    @query("Bytes.")
    async def given(self) -> Base64:
        return Base64(b"\xfb\xff!")


SCHEMA = strawberry.Schema(query=Queries, config=StrawberryConfig(scalar_map=SCALARS))
TAKEN = "query ($holders: [Holder!]!) { taken(holders: $holders) }"


async def asked(document, **variables):
    return await SCHEMA.execute(document, variable_values=variables)


@pytest.mark.parametrize("text", ["", "AA==", "AAA=", "AAAA", "+/+/"])
async def test_bytes_are_read(text):
    answer = await asked(TAKEN, holders=[{"data": text}])
    assert answer.data == {"taken": [repr(base64.b64decode(text))]}
    assert (await asked("{ taken(holders: [{data: %r}]) }".replace("%r", f'"{text}"'))).data == answer.data


@pytest.mark.parametrize(
    "value",
    ["A", "AA", "AA=", "A===", "=", "AAAA=", "AA==AA==", "AAAA\n", " AAAA", "AA-_", "ÄÄÄÄ", "AAAA\x00", 7, True, ["AAAA"], {}],
)  # fmt: skip
async def test_what_is_no_base64_is_told_with_its_path(value):
    (error,) = (await asked(TAKEN, holders=[{"data": "AA=="}, {"data": value}])).errors
    assert isinstance(error.original_error, InvalidInput)
    assert [(p.path, p.message) for p in error.original_error.fields] == [("holders.1.data", BAD)]


async def test_megabytes_are_read_once_and_told_back():
    answer = await asked("query ($h: Holder!) { weight(holder: $h) }", h={"data": base64.b64encode(LARGE).decode()})
    assert answer.data == {"weight": len(LARGE)}
    assert (await asked("{ given }")).data == {"given": "+/8h"}


async def test_a_file_is_taken_and_nothing_else_is_one():
    file = File(b"secret", "image/png")
    assert (await asked(TAKEN, holders=[{"file": file}])).data == {"taken": ["File(mime_type='image/png')"]}
    for value in ("x", 1, {"data": "AA=="}, []):
        (error,) = (await asked(TAKEN, holders=[{"file": value}])).errors
        assert [p.path for p in error.original_error.fields] == ["holders.0.file"]


async def test_a_file_is_no_bytes():
    (error,) = (await asked(TAKEN, holders=[{"data": File(b"x", "image/png")}])).errors
    assert [p.message for p in error.original_error.fields] == [BAD]
