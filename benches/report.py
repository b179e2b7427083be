"""What was found: told at once, kept as JSON with the versions of everything, and as tables in docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from benches.measure import Group
from benches.world import World

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parent.parent / "docs" / "benchmarks.md"
TABLES = re.compile(r"(<!-- figures of (\w+): .*? -->\n).*?(<!-- end -->)", re.DOTALL)
LIBRARIES = (
    "asyncpg", "graphql-core", "httptools", "orjson", "starlette", "strawberry-graphql", "tortoise-orm", "uvicorn",
    "uvloop",
)  # fmt: skip
console = Console()


async def versions(world: World) -> dict[str, Any]:
    """What it was measured with."""
    connection = await asyncpg.connect(world.url)
    postgres = await connection.fetchval("SHOW server_version")
    await connection.close()
    client = Redis.from_url(world.services.redis_url())
    redis = (await client.info("server"))["redis_version"]
    await client.aclose()
    return {
        "python": platform.python_version(),
        "postgres": postgres,
        "redis": redis,
        "libraries": {name: version(name) for name in LIBRARIES},
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
    }


def show(group: Group) -> None:
    table = Table("ratio", "median", "wanted", "rounds", title=None)
    for ratio in group.ratios:
        wanted = f">= {ratio.at_least}" if ratio.at_least else f"<= {ratio.at_most}" if ratio.at_most else ""
        runs = " ".join(f"{run:.2f}" for run in ratio.runs)
        table.add_row(ratio.name, f"{ratio.value:.2f}", wanted, runs, style="red" if ratio.missed else "")
    console.print(table)
    for name, value in group.facts.items():
        console.print(f"  {name.replace('_', ' ')}: {_fact(value)}", highlight=False)


def write(name: str, group: Group, versions: dict[str, Any]) -> None:
    """One file for each group; the newest run replaces the one before."""
    found = {
        "group": name,
        "about": group.about,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions,
        "load_average_after": round(os.getloadavg()[0], 2),
        "pace": asdict(group.pace),
        "ratios": [
            {
                "name": ratio.name,
                "median": round(ratio.value, 3),
                "at_least": ratio.at_least,
                "at_most": ratio.at_most,
                "rounds": [round(run, 3) for run in ratio.runs],
            }
            for ratio in group.ratios
        ],
        "cases": [
            {"name": case.name, "about": case.about, "floor": case.floor, "median": _rounded(asdict(group.middle(case.name))),
             "rounds": [_rounded(asdict(sample)) for sample in group.samples[case.name]]}
            for case in group.cases
        ],
        "facts": group.facts,
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")


def _rounded(sample: dict[str, float | None]) -> dict[str, float]:
    return {name: round(value, 2 if value >= 10 else 4) for name, value in sample.items() if value is not None}


def write_docs() -> None:
    """The tables of docs/benchmarks.md anew, out of the results that there are; the prose stays."""
    text = DOCS.read_text()
    DOCS.write_text(TABLES.sub(lambda found: found[1] + _tables(found[2]) + found[3], text))


def _tables(name: str) -> str:
    file = RESULTS / f"{name}.json"
    if not file.exists():
        return "\nNot measured yet.\n\n"
    found = orjson.loads(file.read_bytes())
    lines = ["", "| ratio | median | wanted | rounds |", "|---|---|---|---|"]
    for ratio in found["ratios"]:
        low, high = ratio["at_least"], ratio.get("at_most")
        wanted = f"≥ {low}" if low else f"≤ {high}" if high else ""
        rounds = " ".join(f"{run:.2f}" for run in ratio["rounds"])
        lines.append(f"| {ratio['name']} | **{ratio['median']:.2f}** | {wanted} | {rounds} |")
    lines += ["", "| case | | per second | p50 ms | p99 ms |", "|---|---|---|---|---|"]
    for case in found["cases"]:
        s = case["median"]
        rate = f"{s['per_second']:,.0f}" if s["per_second"] >= 10 else f"{s['per_second']:.2g}"
        told = f"{rate} | {s['p50_ms']:.2f} | {s['p99_ms']:.2f}"
        lines.append(f"| `{case['name']}` | {case['about']}{' (floor)' * case['floor']} | {told} |")
    facts = ", ".join(f"{key.replace('_', ' ')} {_fact(value)}" for key, value in found["facts"].items())
    seen = found["versions"]
    place = f"{seen['cpus']} processors ({seen['system']})"
    servers = f"Python {seen['python']}, PostgreSQL {seen['postgres']}, Redis {seen['redis']}"
    also = f"Also: {facts}. " if facts else ""
    lines += ["", f"{also}Measured {found['at'][:10]} on {place}, {servers}.", ""]
    return "\n".join(lines) + "\n"


def _fact(value: float | bool | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
