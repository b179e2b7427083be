from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pytest

from models.kernel.lifecycle import Action, AlreadyThere, Deed, Lifecycle, Move
from models.kernel.refusals import IllegalMove, InvalidAmount, NotAllowed, NotFound
from models.kernel.viewer import OPERATOR, SYSTEM, Role, Viewer


class Status(StrEnum):
    NEW = "new"
    MADE = "made"
    ENDED = "ended"


@dataclass
class Row:
    status: Status
    owner: str = "anna"
    amount: int = 1


def has_amount(row: Row) -> None:
    if not row.amount:
        raise InvalidAmount("nothing there")


def has_owner(row: Row) -> None:
    if not row.owner:
        raise NotFound("owner")


LIFE = Lifecycle(
    "thing",
    start=Status.NEW,
    moves={
        "make": Move({Status.NEW}, Status.MADE, who={"owner"}, needs=(has_amount,)),
        "end": Move({Status.NEW, Status.MADE}, Status.ENDED, who={OPERATOR, "owner"}, first=(has_owner,)),
        "expire": Move({Status.MADE}, Status.ENDED, who={SYSTEM}),
    },
    deeds={"note": Deed(who={OPERATOR}, to={Status.MADE})},
    sides=lambda row, viewer: {"owner"} if row.owner == viewer.subject else set(),
)
ANNA, BORIS = (Viewer(name, frozenset({Role.USER})) for name in ("anna", "boris"))
OPS, HOUSE = Viewer("ops", frozenset({OPERATOR})), Viewer.system("job")


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("move", LIFE.moves)
def test_every_move_from_every_status(status, move):
    row, rule = Row(status), LIFE.moves[move]
    by = HOUSE if move == "expire" else ANNA
    if status in rule.sources:
        assert LIFE.may(row, move, by) == move
        assert LIFE.after(row, move) is rule.target
    elif status is rule.target:
        with pytest.raises(AlreadyThere):
            LIFE.may(row, move, by)
    else:
        with pytest.raises(IllegalMove) as no:
            LIFE.may(row, move, by)
        assert (no.value.status, set(no.value.allowed)) == (
            status.name, {name for name, other in LIFE.moves.items() if status in other.sources},
        )  # fmt: skip


def test_who_is_judged_before_the_status():
    with pytest.raises(NotAllowed) as no:
        LIFE.may(Row(Status.ENDED), "make", BORIS)
    assert no.value.code == "NOT_PARTICIPANT"
    with pytest.raises(NotAllowed) as no:
        LIFE.may(Row(Status.ENDED), "end", BORIS)
    assert no.value.code == "FORBIDDEN"


def test_guards_speak_last_and_with_their_own_refusal():
    with pytest.raises(InvalidAmount):
        LIFE.may(Row(Status.NEW, amount=0), "make", ANNA)
    with pytest.raises(IllegalMove):
        LIFE.may(Row(Status.ENDED, amount=0), "note", OPS)


@pytest.mark.parametrize("status", Status)
def test_guards_that_come_first_speak_before_the_status_and_after_who(status):
    with pytest.raises(NotFound):
        LIFE.may(Row(status, owner=""), "end", OPS)
    with pytest.raises(NotAllowed):
        LIFE.may(Row(status, owner=""), "end", BORIS)


def test_allowed_actions_say_what_would_be_refused_and_why():
    assert LIFE.allowed(Row(Status.MADE), ANNA) == [
        Action("make", False, "ILLEGAL_MOVE"), Action("end", True), Action("note", False, "FORBIDDEN"),
    ]  # fmt: skip


def test_a_table_that_cannot_be_is_found_when_it_is_defined():
    with pytest.raises(TypeError, match="no move leads to"):
        Lifecycle("thing", start=Status.NEW, moves={"make": Move({Status.NEW}, Status.MADE, who={OPERATOR})})


def test_the_diagram_is_the_table():
    assert "    NEW --> MADE: make" in LIFE.mermaid().splitlines()
    assert LIFE.ends == {Status.ENDED}
