"""A schema that takes files, in the place of ours."""

from __future__ import annotations

import hashlib

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from resolvers.access import query
from schema.refusals import HANDLERS
from schema.scalars import SCALARS, Base64, Upload
from server.graphql import answering
from server.graphql.documents import Documents, FromCache
from server.graphql.executor import Executor
from server.graphql.schema import Schema

KEEP = "mutation ($input: Kept!) { keep(input: $input) }"
ONE = "query ($file: Upload!) { told(file: $file) }"


@strawberry.input
class Held:
    file: Upload | None = None
    data: Base64 | None = None
    note: str | None = None


@strawberry.input
class Kept:
    files: list[Held]
    words: list[str] | None = None


def told(data: bytes, kind: str) -> str:
    return f"{kind} {len(data)} {hashlib.sha256(data).hexdigest()[:8]}"


@strawberry.type
class Queries:
    @query("One.")
    async def told(self, file: Upload) -> str:
        return told(file.data, file.mime_type)

    @query("Bytes.")
    async def weighed(self, data: Base64) -> int:
        return len(data)


@strawberry.type
class Mutations:
    @query("Several.")
    async def keep(self, input: Kept) -> list[str]:
        return [told(h.file.data, h.file.mime_type) if h.file else told(h.data or b"", "") for h in input.files]


@pytest.fixture
def toy(monkeypatch):
    made = Schema(
        query=Queries,
        mutation=Mutations,
        extensions=[FromCache],
        execution_context_class=Executor,
        exception_handlers=HANDLERS,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    documents = Documents(made._schema)
    monkeypatch.setattr(answering, "schema", lambda: made)
    monkeypatch.setattr(answering, "documents", lambda: documents)
    return documents
