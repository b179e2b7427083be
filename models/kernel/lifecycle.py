"""A lifecycle is a table: which move leads from which statuses to which, who may make it, and what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models.kernel.refusals import NOT_PARTICIPANT, IllegalMove, NotAllowed, Refusal
from models.kernel.viewer import Role, Viewer

Guard = Callable[[Any], None]
"""A named pure check over the row itself; raises its refusal. It never reads other rows: money is tried, not foretold."""

Sides = Callable[[Any, Viewer], Set[str]]
"""Which sides of the row the viewer is: "customer", "performer", …"""


@dataclass(frozen=True, slots=True)
class Move:
    """From one of `sources` to `target`, by one of `who` (roles or sides), if every guard in `needs` is silent."""

    sources: Set[Any]
    target: Any
    who: Set[str]
    needs: tuple[Guard, ...] = ()
    first: tuple[Guard, ...] = ()
    """Guards that speak before the status does: whether there is at all what the move would end."""
    led_to: bool = False
    """No verb of its own: another verb leads to it, so nobody is offered it."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something done with a row that changes no status: recorded as a fact. `to` are the statuses in which it may be done."""

    who: Set[str]
    to: Set[Any] | None = None
    needs: tuple[Guard, ...] = ()
    code: str | None = None
    """The finer code of IllegalMove for another status."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a viewer may, or may not, do with a row now; `why` is the code of the refusal that would come."""

    name: str
    allowed: bool
    why: str | None = None


class AlreadyThere(Exception):
    """The row is already where the verb leads: it is answered as it is, and nothing is written."""

    def __init__(self, row: Any) -> None:
        self.row = row


def no_sides(_row: Any, _viewer: Viewer) -> Set[str]:
    return frozenset()


class Lifecycle:
    """The legal moves of one noun. Pure; checked once, when it is defined."""

    def __init__(
        self,
        noun: str,
        *,
        start: StrEnum,
        moves: Mapping[str, Move],
        deeds: Mapping[str, Deed] | None = None,
        sides: Sides = no_sides,
        code: str | None = None,
    ) -> None:
        self.noun, self.start, self.moves, self.sides = noun, start, dict(moves), sides
        self.deeds = dict(deeds or {})
        self.code = code and IllegalMove.finer(code, f"The {noun} is in a status from which this move does not lead.")
        reached = {start} | {move.target for move in self.moves.values()}
        if unreachable := set(type(start)) - reached:
            raise TypeError(f"{noun}: no move leads to {sorted(unreachable)}")
        if both := self.moves.keys() & self.deeds.keys():
            raise TypeError(f"{noun}: {sorted(both)} are moves and deeds at once")

    @property
    def statuses(self) -> list[StrEnum]:
        return list(type(self.start))

    @property
    def ends(self) -> frozenset[StrEnum]:
        """The statuses out of which no move leads, for a noun that has moves at all."""
        left = {status for move in self.moves.values() for status in move.sources}
        return frozenset(set(self.statuses) - left) if self.moves else frozenset()

    def may(self, row: Any, name: str, viewer: Viewer) -> str:
        """The name of the move or deed, if `viewer` may do it now.

        Judged in this order: who (NotAllowed), the guards that come first, whether the row is there already
        (AlreadyThere), the status (IllegalMove), then each other guard (its own refusal).
        """
        self._who(row, name, viewer)
        if name in self.deeds:
            deed = self.deeds[name]
            self._status(row, name, deed.to, deed.code)
            for guard in deed.needs:
                guard(row)
            return name
        move = self.moves[name]
        for guard in move.first:
            guard(row)
        if row.status == move.target and row.status not in move.sources:
            raise AlreadyThere(row)
        self._status(row, name, move.sources)
        for guard in move.needs:
            guard(row)
        return name

    def allowed(self, row: Any, viewer: Viewer) -> list[Action]:
        """Every move and deed that a human could make, with the refusal which would come now."""
        roles = {role.value for role in Role} - {Role.SYSTEM}
        names = [
            name
            for name, who in [(n, m.who) for n, m in self.moves.items() if not m.led_to]
            + [(n, d.who) for n, d in self.deeds.items()]
            if who & roles or who - {Role.SYSTEM.value}
        ]
        return [Action(name, why is None, why) for name in names for why in [self._why(row, name, viewer)]]

    def after(self, row: Any, name: str) -> Any:
        """The status that move `name` leads to from the row's present one. Raises IllegalMove."""
        self._status(row, name, self.moves[name].sources)
        return self.moves[name].target

    def leads(self, row: Any, name: str) -> bool:
        """Whether move `name` leads out of the row's present status."""
        return row.status in self.moves[name].sources

    def mermaid(self) -> str:
        lines = [f"    [*] --> {self.start.name}"]
        for name, move in self.moves.items():
            lines += [f"    {source.name} --> {move.target.name}: {name}" for source in sorted(move.sources)]
        return "\n".join(["stateDiagram-v2", *lines, *(f"    {end.name} --> [*]" for end in sorted(self.ends))])

    def _why(self, row: Any, name: str, viewer: Viewer) -> str | None:
        try:
            self.may(row, name, viewer)
        except AlreadyThere:
            return self.code or IllegalMove.code
        except Refusal as no:
            return no.code
        return None

    def _who(self, row: Any, name: str, viewer: Viewer) -> None:
        who = (self.moves.get(name) or self.deeds[name]).who
        if who.isdisjoint({role.value for role in viewer.roles} | set(self.sides(row, viewer))):
            sides_only = who.isdisjoint(role.value for role in Role)
            raise NotAllowed(name, code=NOT_PARTICIPANT if sides_only else None)

    def _status(self, row: Any, name: str, within: Set[Any] | None, code: str | None = None) -> None:
        if within is not None and row.status not in within:
            allowed = [n for n, m in self.moves.items() if row.status in m.sources and not m.led_to]
            raise IllegalMove(self.noun, name, row.status.name, allowed, code=code or self.code)
