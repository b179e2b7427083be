"""How root fields are declared: for which roles, and with every input checked before the verb sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, cast

import strawberry
from strawberry.extensions.field_extension import AsyncExtensionResolver, FieldExtension
from strawberry.utils.str_converters import to_camel_case

from models.kernel.refusals import Refusal
from models.kernel.viewer import Role
from schema.context import Info
from schema.inputs import Readable


class Does(Protocol):
    """An operation, or an errand."""

    @property
    def refuses(self) -> frozenset[type[Refusal]]: ...


Declare: TypeAlias = Callable[[Callable[..., Any]], Any]


class Closed(Exception):
    """The root field is closed to every role of the asker: a top-level FORBIDDEN."""

    def __init__(self, field: str, roles: frozenset[Role]) -> None:
        super().__init__(f"{field} is closed to your role; it is for {', '.join(sorted(roles))}.")


class _For(FieldExtension):
    """Lets in the roles that the field is for."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles = roles

    async def resolve_async(self, next_: AsyncExtensionResolver, source: Any, info: Info, **arguments: Any) -> Any:
        if self.roles and not info.context.viewer.has(*self.roles):
            raise Closed(info.field_name, self.roles)
        return await next_(source, info, **arguments)


def _described(description: str, roles: tuple[Role, ...]) -> str:
    return f"{description} For: {', '.join(role.value for role in roles)}." if roles else description


def query(description: str, *roles: Role) -> Declare:
    """A root query, closed to all but `roles` where any are named."""
    field: Any = strawberry.field(
        description=_described(description, roles), extensions=[Readable(), _For(frozenset(roles))]
    )
    return cast(Declare, field)


def subscription(description: str, *roles: Role) -> Declare:
    """A root subscription, closed to all but `roles` where any are named. Its resolver answers a `Watch`."""
    field: Any = strawberry.subscription(
        description=_described(description, roles), extensions=[Readable(), _For(frozenset(roles))]
    )
    return cast(Declare, field)


ROLES: dict[str, frozenset[Role]] = {}
"""For whom each mutation is: a document is judged whole before its first one is done."""
DOES: dict[str, Does] = {}
"""Which operation or errand each mutation does: what it can refuse is compared with the mutation's union."""


def mutation(description: str, *roles: Role, does: Does) -> Declare:
    """A root mutation that does one operation, closed to all but `roles`."""
    field: Any = strawberry.mutation(
        description=_described(description, roles), extensions=[Readable(), _For(frozenset(roles))]
    )

    def declare(resolver: Callable[..., Any]) -> Any:
        name = to_camel_case(resolver.__name__)
        DOES[name], ROLES[name] = does, frozenset(roles)
        return field(resolver)

    return declare
