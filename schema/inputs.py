"""What inputs share: how one becomes a request, and where in it something could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass
from typing import Any, cast

from strawberry.extensions.field_extension import AsyncExtensionResolver, FieldExtension
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from models.events.requests import KEY_MAX, Request
from models.kernel.refusals import FieldProblem, InvalidInput
from schema.context import Info
from schema.scalars import Malformed
from settings import settings


class Asked:
    """Base of every mutation's input. Each has `idempotency_key`; those on an existing noun `expected_version`."""

    def request(self, info: Info) -> Request:
        """The request that this input is. Refuses INVALID_INPUT for a key that is empty or too long."""
        content = asdict(cast(Any, self))
        key, expected = content.pop("idempotency_key", None), content.get("expected_version")
        if key is not None and (not key.strip() or len(key) > KEY_MAX or "\x00" in key):
            raise InvalidInput(FieldProblem("idempotencyKey", f"must have 1 to {KEY_MAX} characters"))
        path = info.path.as_list()
        return Request(
            mutation=info.field_name,
            content=content,
            key=key,
            expected_version=expected,
            id=info.context.request_id,
            on_replay=lambda: info.context.replayed.append(path),
        )


def problems(value: Any, path: str = "") -> Iterator[FieldProblem]:
    """Every place in a coerced input that could not be read, or that is longer than a list may be."""
    if isinstance(value, Malformed):
        yield FieldProblem(path, value.message)
    elif isinstance(value, str) and "\x00" in value:
        yield FieldProblem(path, "must not hold a null character")
    elif isinstance(value, list):
        if len(value) > settings().list_input_max:
            yield FieldProblem(path, f"may have up to {settings().list_input_max} items")
        else:
            for place, item in enumerate(value):
                yield from problems(item, f"{path}.{place}")
    elif is_dataclass(value):
        for field in fields(value):
            yield from problems(getattr(value, field.name), f"{path}.{to_camel_case(field.name)}".lstrip("."))


class Readable(FieldExtension):
    """Lets a field's arguments in when all of them could be read; every field with arguments has this one.

    Refuses INVALID_INPUT with every problem: from `input` on for mutations, from the argument's name on elsewhere.
    """

    def apply(self, field: StrawberryField) -> None:
        self.names = {a.python_name: a.graphql_name or to_camel_case(a.python_name) for a in field.arguments}

    async def resolve_async(self, next_: AsyncExtensionResolver, source: Any, info: Info, **arguments: Any) -> Any:
        found = [
            problem
            for name, value in arguments.items()
            for problem in problems(value, "" if name == "input" else self.names[name])
        ]
        if found:
            raise InvalidInput(*found)
        return await next_(source, info, **arguments)
