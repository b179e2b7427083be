"""Pages of the documentation that are made from the code: the refusals, the lifecycles, the chart of accounts."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import GraphQLUnionType, get_named_type

from models.kernel.lifecycle import Lifecycle
from models.kernel.refusals import CATALOGUE
from models.kernel.rows import LivingRow
from models.wiring import JOBS, LINES, MOVEMENTS
from schema.refusals import SHOWN
from server.graphql.errors import HTTP
from server.graphql.schema import schema

MADE = "<!-- Made from the code by `make docs`; a test keeps it current. -->\n"


def pages() -> dict[str, str]:
    """Path -> text of every page that is made."""
    schema()  # everything is gathered once the schema stands
    return {
        "docs/errors.md": MADE + "\n".join(_errors()) + "\n",
        "docs/lifecycles.md": MADE + "\n".join(_lifecycles()) + "\n",
        "docs/accounts.md": MADE + "\n".join(_accounts()) + "\n",
    }


def _errors() -> Iterator[str]:
    yield "# Refusals and errors\n"
    yield (
        "A refusal is an answer: a member of the mutation's union, with its code and its facts; nothing was written. In a"
        " query it is a top-level error with the same code. `retryable` says whether the same request may be accepted"
        " later. The number is what HTTP would say.\n"
    )
    yield "| code | type | HTTP | retryable | meaning |\n|---|---|---|---|---|"
    for entry in sorted(CATALOGUE.values(), key=lambda entry: entry.code):
        retry = "yes" if entry.refusal.retryable else "no"
        yield f"| `{entry.code}` | `{entry.refusal.__name__}` | {entry.http} | {retry} | {entry.meaning} |"
    yield "\n## What each mutation can refuse\n"
    yield "| mutation | refuses |\n|---|---|"
    for name, refusals in sorted(_refused_by_mutations()):
        yield f"| `{name}` | {', '.join(f'`{refusal}`' for refusal in refusals)} |"
    yield "\n## Errors of a request\n"
    yield "Top-level errors, in `extensions.code` with `status` and `requestId`.\n"
    yield "| code | HTTP |\n|---|---|"
    for code, number in HTTP.items():
        yield f"| `{code}` | {number} |"


def _refused_by_mutations() -> Iterator[tuple[str, list[str]]]:
    """The members of each mutation's union that are refusals."""
    core = schema()._schema
    refusals = {shown.__name__ for shown in SHOWN}
    for name, field in core.mutation_type.fields.items() if core.mutation_type else ():
        union = get_named_type(field.type)
        if isinstance(union, GraphQLUnionType):
            yield name, sorted({member.name for member in union.types} & refusals)


def _lifecycles() -> Iterator[str]:
    yield "# Lifecycles\n"
    yield "Every status has one table of moves. Operations, `allowedActions` and these diagrams read it.\n"
    for lifecycle in _known_lifecycles():
        yield f"## {lifecycle.noun}\n\n```mermaid\n{lifecycle.mermaid()}\n```\n"
        if lifecycle.moves or lifecycle.deeds:
            yield "| done | from | to | by |\n|---|---|---|---|"
        for name, move in lifecycle.moves.items():
            yield f"| {name} | {_names(move.sources)} | {move.target.name} | {', '.join(sorted(move.who))} |"
        for name, deed in lifecycle.deeds.items():
            yield f"| {name} | {_names(deed.to or lifecycle.statuses)} | stays | {', '.join(sorted(deed.who))} |"
        yield ""


def _known_lifecycles() -> list[Lifecycle]:
    known: dict[str, Lifecycle] = {}
    for table in LivingRow.__subclasses__():
        known[table.lifecycle.noun] = table.lifecycle
    return [known[noun] for noun in sorted(known)]


def _names(statuses: object) -> str:
    return ", ".join(sorted(status.name for status in statuses))  # type: ignore[attr-defined]


def _accounts() -> Iterator[str]:
    yield "# The chart of accounts\n"
    yield (
        "Own is what an account received less what it gave; it is shown on the normal side. *floored* accounts are locked"
        " and never go below zero, *open* ones are locked and may, *hot* ones are never locked: their changes queue up"
        " and are folded.\n"
    )
    yield "| kind | name | side | policy | announced | held | ends at zero | about |\n|---|---|---|---|---|---|---|---|"
    for line in sorted(LINES, key=lambda line: line.kind):
        flags = " | ".join("yes" if flag else "no" for flag in (line.announced, line.held, line.ends_at_zero))
        yield f"| `{line.kind}` | `{line.name}` | {line.side} | {line.policy} | {flags} | {line.about} |"
    yield "\n## What moves when\n"
    yield (
        "Each row is one transfer of an example: deal 7 of 100.00 with a fee of 2.50, between customer 1 and performer 2, split"
        " in halves where it is split; an adjustment of 1.00 up, and down; a payout of 10.00 that costs 0.10. A move posts all"
        " its transfers, or none.\n"
    )
    yield "| of | move | transfer | from | to | amount |\n|---|---|---|---|---|---|"
    for noun, move, transfers in MOVEMENTS:
        for each in transfers:
            ends = f"`{each.source.name}` | `{each.target.name}`"
            yield f"| {noun} | {move} | `{each.kind}` | {ends} | {each.amount.amount} |"
    yield "\n## Jobs\n"
    yield "| job | period | does |\n|---|---|---|"
    for job in JOBS.values():
        yield f"| `{job.name}` | `SALDO_{job.period.upper()}_PERIOD_SECONDS` | {job.about} |"
