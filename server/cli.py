"""`saldo`: every process and every chore of the house, by name."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from models.kernel.viewer import Role
from server.addresses import address
from settings import settings

T = TypeVar("T")
cli = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_show_locals=False, add_completion=False)
out, err = Console(), Console(stderr=True)


@cli.command()
def up() -> None:
    """Run everything on this machine: servers, migrations, a small world, sandbox, API and worker. Ctrl-C ends all of it."""
    from server.up import up as run  # noqa: PLC0415  each command loads what it needs

    raise typer.Exit(asyncio.run(run()))


@cli.command()
def api() -> None:
    """Serve the GraphQL API."""
    from server.serving import serve_api  # noqa: PLC0415

    serve_api()


@cli.command()
def worker() -> None:
    """Run the jobs, with health and metrics on the port behind the API's."""
    from server.serving import serve_worker  # noqa: PLC0415

    raise typer.Exit(serve_worker())


@cli.command()
def sandbox() -> None:
    """Play every outside system over HTTP, on the port behind the worker's. In development only."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "sandbox"])  # noqa: S606  the server never imports it


@cli.command()
def migrate(
    write: Annotated[
        str, typer.Option(help="Write a migration of this name for what the tables have beyond the last.")
    ] = "",
) -> None:
    """Bring the database up to this code. Starting it twice at once is safe."""
    from models import migrating  # noqa: PLC0415

    if write:
        out.print(
            f"wrote {asyncio.run(migrating.write(write)) or 'nothing: the migrations say all that the tables have'}"
        )
        return
    applied = asyncio.run(_with_database(migrating.migrate))
    for name in applied:
        out.print(f"applied {name}")
    out.print("The database is up to date.")


@cli.command()
def seed() -> None:
    """Bring a small world of people, balances, deals and payments; again changes nothing."""
    from server.seed import seed as bring  # noqa: PLC0415

    for line in asyncio.run(_with_database(bring)):
        out.print(line, highlight=False, markup=False, soft_wrap=True)


@cli.command()
def token(
    role: Annotated[Role, typer.Option(help="What the bearer is.")] = Role.OPERATOR,
    person: Annotated[int, typer.Option(help="The person's number, for a user.")] = 0,
    party: Annotated[str, typer.Option(help="The party, for a merchant.")] = "",
    subject: Annotated[str, typer.Option(help="Who the bearer is; made from the role where none is given.")] = "",
    hours: Annotated[int, typer.Option(min=1, max=24 * 365, help="How long it holds.")] = 24,
) -> None:
    """Print a development token and nothing else."""
    from server.auth import development_token  # noqa: PLC0415

    if not settings().development or role is Role.SYSTEM:
        err.print("Tokens are made here in development only (SALDO_ENV=development), and never for the system.")
        raise typer.Exit(2)
    name = subject or (f"{role.value}-{person or party}" if person or party else role.value)
    sys.stdout.write(development_token(role, subject=name, hours=hours, person=person, party=party) + "\n")


@cli.command()
def webhook_secret(
    party: Annotated[str, typer.Option(help="The party whose own server is told, by its plain id.")],
) -> None:
    """Print the secret by which a party's server knows that a message is ours, and nothing else."""
    from gateways.receivers import secret_of  # noqa: PLC0415

    if not settings().webhooks_signed_with or not party.strip():
        err.print("A party's secret is made of SALDO_WEBHOOK_SECRET and of the party's id: bring both.")
        raise typer.Exit(2)
    sys.stdout.write(secret_of(party) + "\n")


@cli.command()
def schema() -> None:
    """Print the GraphQL schema: what schema/schema.graphql holds."""
    from server.graphql.schema import printed  # noqa: PLC0415

    sys.stdout.write(printed())


@cli.command(hidden=True)
def docs() -> None:
    """Write the pages of docs/ that are made from the code, and schema/schema.graphql."""
    from server.graphql.schema import printed  # noqa: PLC0415
    from server.pages import pages  # noqa: PLC0415

    for path, text in {**pages(), "schema/schema.graphql": printed()}.items():
        Path(path).write_text(text, encoding="utf-8")
        out.print(f"wrote {path}")


@cli.command()
def audit() -> None:
    """Prove the books and name what differs. Exit code 1 where anything does."""
    from models.ledger.audit import audit as prove  # noqa: PLC0415
    from models.wiring import CHECKS  # noqa: PLC0415

    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=err, transient=True) as progress:
        progress.add_task(f"proving {len(CHECKS)} laws of the books")
        report = asyncio.run(_with_database(lambda: prove(CHECKS)))
    table = Table("check", "law", "differences")
    for finding in report.findings:
        table.add_row(finding.check, finding.meaning, str(finding.count or "-"), style="red" if finding.count else "")
    out.print(table)
    for finding in report.findings:
        for difference in finding.differences:
            out.print(f"{finding.check}: {difference}", style="red", markup=False)
    verdict = "The books are clean" if report.clean else "The books differ"
    out.print(f"{verdict}: {report.accounts} accounts, {report.transfers} transfers.")
    raise typer.Exit(0 if report.clean else 1)


@cli.command()
def watch(
    noun: Annotated[
        list[str] | None, typer.Option(help="Only events of this noun; may be given several times.")
    ] = None,
    token: Annotated[str, typer.Option(help="A bearer token; development makes one of an operator.")] = "",
) -> None:
    """Print every event as it arrives, until Ctrl-C. Comes again by itself, and misses nothing."""
    from server.auth import development_token  # noqa: PLC0415
    from server.watch import EVENTS, Declined, follow  # noqa: PLC0415

    url = f"{address(settings(), scheme='ws')}/graphql"
    bearer = token or development_token(Role.OPERATOR, subject="watch")
    wanted = {"nouns": [name.upper() for name in noun]} if noun else {}

    async def show() -> None:
        async for item in follow(url, bearer, EVENTS, wanted):
            if line := _line(item):
                out.print(line, highlight=False, markup=False, soft_wrap=True)

    try:
        asyncio.run(show())
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except Declined as declined:
        err.print(str(declined), style="red")
        raise typer.Exit(1) from None


@cli.command()
def demo(
    story: Annotated[list[str] | None, typer.Option(help="Only this story; may be given several times.")] = None,
    wait_seconds: Annotated[float, typer.Option(min=1, max=600, help="How long any one thing may take.")] = 20,
) -> None:
    """Play deals and payments against the API that runs, showing each event as it arrives. Exit code 1 where it goes otherwise."""
    from server.demo.playing import play  # noqa: PLC0415
    from server.demo.stories import STORIES  # noqa: PLC0415
    from server.demo.story import Unplayable  # noqa: PLC0415

    if not settings().development:
        err.print("Stories are played in development only (SALDO_ENV=development): they move money.")
        raise typer.Exit(2)
    if unknown := set(story or ()) - STORIES.keys():
        err.print(f"There is no story {', '.join(sorted(unknown))}; there is {', '.join(STORIES)}.")
        raise typer.Exit(2)
    played = [STORIES[name] for name in story or STORIES]
    try:
        asyncio.run(play(played, address(settings()), address(settings(), 2), wait_seconds, out))
    except Unplayable as no:
        err.print(str(no), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(1) from None


def _line(item: dict[str, Any]) -> str | None:
    """An event on one line; nothing for a heartbeat."""
    if item["__typename"] == "Lagged":
        return f"… read too slowly, {item['missed']} wait; going on"
    if "name" not in item:
        return None
    noun = item["__typename"].removesuffix("Event")
    status = f" {item['from'] or ''} -> {item['to']}" if item["from"] != item["to"] else ""
    who = f"{item['actor'].lower()} {item['actorSubject']}"
    return f"{item['occurredAt']}  {noun} v{item['version']} {item['name']}{status}  by {who}  {item['facts'] or ''}"


@cli.command()
def restored() -> None:
    """Say that the database was restored from a backup: every cursor that was ever given expires, and deposit addresses that
    may have been given out since are left out for ever."""
    from models.events.positions import begin_epoch  # noqa: PLC0415
    from models.kernel.viewer import Viewer  # noqa: PLC0415
    from models.payments.operations import skip_addresses  # noqa: PLC0415

    async def begin_anew() -> None:
        await skip_addresses(by=Viewer.system("restored"))
        await begin_epoch()

    asyncio.run(_with_database(begin_anew))
    out.print("A new epoch of the log has begun; subscribers read again from the start.")
    out.print("Payments go on with addresses and references that were never given out.")


@cli.command()
def doctor() -> None:
    """Say what is wrong with this set-up and what to do. Exit code 1 where anything is."""
    from server.doctor import examine  # noqa: PLC0415

    diagnoses = asyncio.run(examine())
    for diagnosis in diagnoses:
        mark = "[red]✗[/red]" if diagnosis.advice else "[green]✓[/green]"
        out.print(mark, diagnosis.what, "·", diagnosis.found, f"→ {diagnosis.advice}" if diagnosis.advice else "")
    raise typer.Exit(1 if any(diagnosis.advice for diagnosis in diagnoses) else 0)


async def _with_database(body: Callable[[], Awaitable[T]]) -> T:
    from models import database  # noqa: PLC0415

    await database.connect()
    try:
        return await body()
    finally:
        await database.disconnect()


def main() -> None:
    try:
        settings()
    except ValidationError as wrong:
        if sys.argv[1:2] not in (["doctor"], ["--help"], []):
            for problem in wrong.errors():
                err.print(f"settings: {problem['msg'].removeprefix('Value error, ')}", style="red", markup=False)
            if "SALDO_ENV" not in os.environ:
                err.print("SALDO_ENV is not set, so this is production. To try things out: SALDO_ENV=development.")
            raise SystemExit(2) from None
    cli()


if __name__ == "__main__":
    main()
