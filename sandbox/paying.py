"""What a wallet system and a bank that takes orders have in common: an order is kept under its id, and executed once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import uuid4

from pydantic import Field, ValidationError, model_validator
from starlette.routing import Route

from models.kernel.money import Money
from models.kernel.refusals import Refusal
from sandbox.door import Answer, Asked, door
from sandbox.given import Given, Nothing, Wrong, get, post
from sandbox.saying import error, known_by, no, nonsense, stranger
from sandbox.world import System, World

FIND = "find"
KEPT = 100_000
SCRIPTED, BY_HAND = "refused_by_script", "refused_by_hand"
Id = Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an order: as a rule it is executed at once."""

    no: str = ""
    """Refused with this code, and not kept."""
    waits: bool = False
    fails: str = ""
    """Kept, and refused with this code: at once, or where it waits, when it is next looked at."""


class Ordered(Given):
    """What is to be sent."""

    amount: str = Field(pattern=r"^-?[0-9]{1,16}(\.[0-9]{1,8})?$")
    currency: str = Field(max_length=12)

    @property
    def id(self) -> str:
        raise NotImplementedError

    def fate(self) -> Fate:
        """By the magic values."""
        raise NotImplementedError

    @property
    def payable(self) -> bool:
        """Whether it is an amount of that currency, above zero and within reason."""
        try:
            Money.of(Decimal(self.amount), self.currency).positive()
        except Refusal:
            return False
        return True


@dataclass(slots=True)
class Kept:
    """`later`: the code with which it is refused when it is next looked at."""

    order: Ordered
    reference: str
    status: str
    code: str = ""
    later: str = ""
    asked: int = 1
    executed: int = 0


class Change(Given):
    hold: bool


class Settle(Given):
    ids: tuple[str, ...] = Field(default=(), max_length=10_000)
    everything: bool = Field(default=False, alias="all")
    outcome: str
    code: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{0,63})?$")

    @model_validator(mode="after")
    def _is_some_or_all(self) -> Settle:
        if bool(self.ids) == self.everything:
            raise ValueError("give ids, or all: true")
        return self


class Paying(System):
    """A system to which money is sent. Its words are its subclass's."""

    operations: ClassVar[frozenset[str]]
    sending: ClassVar[str]
    folder: ClassVar[str]
    model: ClassVar[type[Ordered]]
    done: ClassVar[str]
    waiting: ClassVar[str]
    refused: ClassVar[str]
    why: ClassVar[str]

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.kept: dict[str, Kept] = {}
        self.hold = False
        self.token = known_by(f"{self.name}_token")

    def routes(self) -> list[Route]:
        path = f"/{self.name}/{self.folder}"
        return [
            Route(path, door(self, self.sending, self._send), methods=["POST"]),
            Route(f"{path}/{{id}}", door(self, FIND, self._find), methods=["GET"]),
        ]

    def control(self) -> list[Route]:
        return [
            post(f"{self.name}/{self.folder}", Change, self._change),
            get(f"{self.name}/{self.folder}", Nothing, self._list),
            post(f"{self.name}/settle", Settle, self._settle),
        ]

    def refusal(self, operation: str) -> tuple[int, Any]:
        return 422, error(SCRIPTED, f"{operation} is refused by the sandbox's script")

    def reset(self) -> None:
        self.kept, self.hold = {}, False

    # what it is asked

    def _send(self, asked: Asked) -> Answer:
        if nobody := stranger(asked, self.token):
            return nobody
        try:
            order = self.model.model_validate_json(asked.body)
        except ValidationError as wrong:
            return nonsense(wrong)
        if asked.request.headers.get("idempotency-key") != order.id:
            return no(400, "invalid_key", "the Idempotency-Key must be the order's id")
        if known := self.kept.get(order.id):
            return self._again(known, order)
        fate = order.fate()
        if code := fate.no or ("" if order.payable else "amount_not_allowed"):
            return no(422, code, "this can never be done")
        return Answer(self._shown(self._keep(order, fate)), 201, effect=True)

    def _again(self, known: Kept, order: Ordered) -> Answer:
        if order != known.order:
            return no(409, "conflict", "another order has this id")
        known.asked += 1
        return Answer(self._shown(self._looked_at(known)))

    def _find(self, asked: Asked) -> Answer:
        if nobody := stranger(asked, self.token):
            return nobody
        if found := self.kept.get(asked.fields["id"]):
            return Answer(self._shown(self._looked_at(found)))
        return no(404, "not_found", "no order has this id")

    def _keep(self, order: Ordered, fate: Fate) -> Kept:
        if len(self.kept) >= KEPT:
            del self.kept[next(iter(self.kept))]
        kept = self.kept[order.id] = Kept(order, f"{self.sending}-{uuid4().hex}", self.waiting)
        if not self.hold:
            kept.later = fate.fails
            if not fate.waits:
                self._end(kept, fate.fails)
        return kept

    def _looked_at(self, kept: Kept) -> Kept:
        if kept.later and kept.status == self.waiting:
            self._end(kept, kept.later)
        return kept

    def _end(self, kept: Kept, code: str = "") -> None:
        kept.status, kept.code = (self.refused, code) if code else (self.done, "")
        kept.executed += not code

    def _shown(self, kept: Kept) -> dict[str, Any]:
        return {
            "id": kept.order.id,
            "reference": kept.reference,
            "amount": kept.order.amount,
            "currency": kept.order.currency,
            "status": kept.status,
            **({self.why: {"code": kept.code}} if kept.code else {}),
        }

    # what it is told

    async def _change(self, given: Change) -> dict[str, Any]:
        self.hold = given.hold
        return {"hold": self.hold}

    async def _list(self, _given: Nothing) -> dict[str, Any]:
        return {self.folder: [self._told(kept) for kept in self.kept.values()]}

    def _told(self, kept: Kept) -> dict[str, Any]:
        """With all that was ordered, and how often it was asked for and executed."""
        ordered = kept.order.model_dump(by_alias=True)
        return {**ordered, **self._shown(kept), "key": kept.order.id, "asked": kept.asked, "executed": kept.executed}

    async def _settle(self, given: Settle) -> dict[str, Any]:
        if given.outcome not in {self.done, self.refused}:
            raise Wrong("outcome", f"must be {self.done} or {self.refused}")
        if given.code and given.outcome == self.done:
            raise Wrong("code", f"says why one is {self.refused}; this outcome is another")
        open_ones = {id: kept for id, kept in self.kept.items() if kept.status == self.waiting}
        if unknown := [id for id in given.ids if id not in open_ones]:
            raise Wrong("ids", f"none that is {self.waiting} has the id {unknown[0]}")
        code = "" if given.outcome == self.done else given.code or BY_HAND
        settled = list(dict.fromkeys(given.ids)) or list(open_ones)
        for id in settled:
            self._end(open_ones[id], code)
        return {"settled": settled}
