"""The ledger's refusals, and how a function's answer becomes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.kernel.money import Money
from models.kernel.refusals import IllegalMove, InvalidAmount, NotFound, Refusal


class InsufficientFunds(Refusal):
    """The posting would take an account below its floor."""

    code = "INSUFFICIENT_FUNDS"
    http = 422

    def __init__(self, *, available: Money, required: Money, code: str | None = None) -> None:
        self.available, self.required = available, required
        super().__init__(f"{required} needed, {available} available.", code=code)


class AlreadyPosted(Refusal):
    """A transfer with this key stands in the books: the last guard against doing a thing twice."""

    code = "ALREADY_POSTED"

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"{key} is posted already.")


@dataclass(frozen=True, slots=True)
class PostingProblem:
    """What is wrong with one posting: its batch, its place in the batch from 0, and every message about it."""

    batch_id: int
    index: int
    messages: tuple[str, ...]


class InvalidPostings(Refusal):
    """Postings of a plan that cannot be, or that differ from what was held."""

    code = "INVALID_POSTINGS"
    http = 400

    def __init__(self, problems: Sequence[PostingProblem]) -> None:
        self.problems = tuple(problems)
        told = (f"batch {p.batch_id} posting {p.index}: {', '.join(p.messages)}" for p in self.problems[:5])
        super().__init__("; ".join(told))


ACCOUNT_FULL = InvalidAmount.finer("ACCOUNT_FULL", "The account would hold more than an account can.")
PLAN_NOT_FOUND = NotFound.finer("PLAN_NOT_FOUND", "There is no such plan of this owner.")
ACCOUNT_NOT_FOUND = NotFound.finer("ACCOUNT_NOT_FOUND", "There is no such account, or none that the asker may see.")
PLAN_STATE = IllegalMove.finer("PLAN_STATE", "The plan is in another final state, or is final already.")


def refused(answer: Mapping[str, Any], op: str, places: Sequence[tuple[int, int]] = ()) -> Refusal:
    """The refusal that a ledger function answered. `places` are (batch, index) of the postings it was given."""
    match answer["refused"]:
        case "INSUFFICIENT_FUNDS":
            available, required = (Money(answer[name], answer["currency"]) for name in ("available", "required"))
            return InsufficientFunds(available=available, required=required)
        case "ACCOUNT_FULL":
            return InvalidAmount(f"An account can hold no more {answer['currency']} than that.", code=ACCOUNT_FULL)
        case "ALREADY_POSTED":
            return AlreadyPosted(answer["key"])
        case "PLAN_UNKNOWN":
            return NotFound("plan", code=PLAN_NOT_FOUND)
        case "PLAN_STATE":
            allowed = {"HOLD": ("hold", "commit", "rollback"), "COMMIT": ("commit",), "ROLLBACK": ("rollback",)}
            return IllegalMove("plan", op, answer["state"], allowed[answer["state"]], code=PLAN_STATE)
        case "INVALID_POSTINGS":
            return InvalidPostings([_problem(problem, places) for problem in answer["problems"]])
        case other:
            raise AssertionError(f"the ledger answered {other}")


def _problem(problem: Mapping[str, Any], places: Sequence[tuple[int, int]]) -> PostingProblem:
    batch, index = places[problem["place"]] if "place" in problem else (problem["batch"], problem["index"])
    return PostingProblem(batch, index, tuple(problem["messages"]))
