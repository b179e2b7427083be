"""A schema that has everything that is plain and everything that is not, and objects that hold what they should not."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Generic, NewType, TypeVar

import strawberry
from graphql.pyutils import Undefined
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from schema.scalars import SCALARS, BigInt, Cursor

T = TypeVar("T")
Picky = NewType("Picky", str)


def _picky(value: object) -> object:
    """Not every value can be told."""
    if value == "raises":
        raise ValueError("too picky")
    return {"none": None, "undefined": Undefined}.get(str(value), value)


@strawberry.enum
class Colour(Enum):
    RED = 1
    GREEN = strawberry.enum_value(2, name="LIME")
    ROSE = 1  # noqa: PIE796  the same member under another name


@strawberry.enum
class Size(StrEnum):
    SMALL = "s"
    LARGE = "l"


class Later:
    """Awaited as often as one likes."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __await__(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value
        yield


class Doubled(FieldExtension):
    def resolve(self, next_, source, info, **arguments):
        return f"{next_(source, info, **arguments)} {next_(source, info, **arguments)}"


class Nobody(BasePermission):
    message = "nobody may"

    def has_permission(self, source, info, **arguments):
        return False


@strawberry.type
class Leaf:
    a: str
    b: int
    c: Colour | None
    picky: Picky | None
    doubled: str = strawberry.field(extensions=[Doubled()])
    closed: str | None = strawberry.field(permission_classes=[Nobody])


@strawberry.type
class Wrapped(Generic[T]):
    cursor: Cursor
    node: T
    nodes: list[T | None]


@strawberry.interface
class Thing:
    id: strawberry.ID
    name: str
    size: Size | None

    @strawberry.field
    def loud(self, times: int = 1) -> str:
        return self.name.upper() * times  # a name that is none raises

    @strawberry.field
    async def slow(self) -> str:
        return self.name

    @strawberry.field
    async def slow_or_nothing(self) -> str | None:
        return self.name.lower()


@strawberry.type
class Box(Thing):
    count: int
    ratio: float | None
    is_open: bool = strawberry.field(name="open")
    price: Decimal
    minor: BigInt | None
    at: datetime | None
    anything: JSON | None
    tags: list[str]
    grid: list[list[int | None] | None] | None
    colours: list[Colour]
    leaf: Leaf
    maybe: Leaf | None
    leaves: list[Leaf]
    wrapped: Wrapped[Leaf]
    wraps: list[Wrapped[Leaf]]
    inside: list[Box]
    friend: Thing | None
    friends: list[Thing | None]
    either: Annotated[Box | Leaf, strawberry.union("Either")] | None

    @strawberry.field
    def again(self) -> Box:
        return self

    @strawberry.field
    async def fails(self) -> Leaf:
        raise RuntimeError("it fails")


@strawberry.type
class Sphere(Thing):
    radius: int


class Wide(Sphere):
    """No type of the schema, but one of its spheres all the same."""


class Stranger:
    """Like a leaf, and none."""

    a, b, c, picky, doubled, closed = "stranger", 1, Colour.RED, None, "d", None


@strawberry.type
class Query:
    box: Box
    boxes: list[Box]
    thing: Thing | None

    @strawberry.field
    async def slow_box(self) -> Box | None:
        return self.box

    @strawberry.field
    def found(self, first: int = 2) -> list[Box | None]:
        return self.boxes[:first]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def change(self) -> Box | None:
        return self.box

    @strawberry.mutation
    async def change_slowly(self) -> list[Box]:
        return self.boxes


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def watch(self) -> AsyncIterator[Box]:
        yield self


def odd_schema() -> strawberry.Schema:
    picky = strawberry.scalar(name="Picky", serialize=_picky)
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Box, Sphere],
        config=StrawberryConfig(scalar_map={**SCALARS, Picky: picky}),
    )


class World:
    """Objects at random; one attribute in `1 / oddity` holds what it should not."""

    def __init__(self, seed: int, oddity: float) -> None:
        self.random, self.oddity = random.Random(seed), oddity

    def root(self) -> Query:
        return Query(box=self.box(2), boxes=self._some(self.box, 2), thing=self._thing(1))

    def box(self, depth: int = 1) -> Any:
        deep = depth > 0
        return Box(
            **self._named(),
            count=self._odd(self.random.randint(-5, 5), 2**40, "7", "x", True, 1.5),
            ratio=self._odd(0.5, 7, float("nan"), "x"),
            is_open=self._odd(True, 0, "yes"),
            price=self._odd(Decimal("1.50"), 1, "x"),
            minor=self._odd(BigInt(10**12), "12"),
            at=self._odd(datetime(2026, 1, 2, tzinfo=UTC), "2026"),
            anything=self._odd({"a": [1, None]}, ["x"], 7, "x"),
            tags=self._odd(
                ["x", "y"], ("x",), {"x"}, "xy", [None], [Later("z")], ["x", RuntimeError("tag")], {"i": 0}.keys()
            ),
            grid=self._odd([[1, None], None], [[1, "x"], [Later(2)]], [3]),
            colours=self._odd([Colour.RED, Colour.ROSE], [Colour.GREEN, None], [2], ["RED"], [Size.SMALL]),
            leaf=self._leaf(),
            maybe=self._leaf(),
            leaves=self._odd(self._some(self._leaf, 3), tuple(self._some(self._leaf, 2)), {}.keys(), {}),
            wrapped=self._wrapped(),
            wraps=self._some(self._wrapped, 2),
            inside=self._some(lambda: self._inner(depth - 1), 2) if deep else [],
            friend=self._thing(depth - 1) if deep else None,
            friends=self._some(lambda: self._thing(depth - 1), 2) if deep else [],
            either=self._odd(self._leaf(), self.box(depth - 1), self._sphere()) if deep else None,
        )

    def _inner(self, depth: int) -> Any:
        return self._odd(self.box(depth), strawberry.cast(Sphere, self.box(0)), strawberry.cast(Box, self._sphere()))

    def _thing(self, depth: int) -> Any:
        return self._odd(self.random.choice([self.box(depth), self._sphere()]), None, self._leaf(), "thing")

    def _sphere(self) -> Any:
        cls = self.random.choice([Sphere, Wide])
        sphere = cls(**self._named(), radius=self._odd(3, None))
        return strawberry.cast(Box, sphere) if self.random.random() < self.oddity else sphere

    def _leaf(self) -> Any:
        leaf = Leaf(
            a=self._odd("a", 1, ["a"], True),
            b=self._odd(7, "7", 2**31),
            c=self._odd(Colour.GREEN, Colour.ROSE, 2, 9, Size.SMALL),
            picky=self._odd("p", "raises", "none", "undefined", 1),
            doubled="d",
            closed="c",
        )
        return self._odd(leaf, Stranger(), {"a": 1}, "leaf", strawberry.cast(Box, self._sphere()))

    def _wrapped(self) -> Any:
        return Wrapped(
            cursor=self._odd("at", 5), node=self._leaf(), nodes=self._odd([self._leaf(), None], [self._leaf()])
        )

    def _named(self) -> dict[str, Any]:
        return {
            "id": self._odd("i", 5, 1.5),
            "name": self._odd("n", 5),
            "size": self._odd(Size.LARGE, "s", "l", "HUGE", Colour.RED),
        }

    def _some(self, make: Callable[[], Any], most: int) -> list[Any]:
        return [make() for _ in range(self.random.randint(0, most))]

    def _odd(self, good: Any, *bad: Any) -> Any:
        if self.random.random() >= self.oddity:
            return good
        always = (None, Undefined, RuntimeError("held"), Later(good), Later(RuntimeError("later")))
        return self.random.choice([*always, *bad, *bad])
