"""`python -m benches [--quick] [group …]`. Exit code 1 where a ratio is below what is wanted of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import Any

import uvloop

os.environ["SALDO_ENV"] = "development"

from benches import adjust, deals, disputes, feed, ledger, page, payments, payouts, person, process, report
from benches.measure import FULL, QUICK, Group
from benches.world import World, world

GROUPS: dict[str, Any] = {
    module.__name__.rpartition(".")[2]: module
    for module in (ledger, process, adjust, person, page, deals, payments, payouts, disputes, feed)
}


def main() -> int:
    known = argparse.ArgumentParser(prog="python -m benches", description="Figures beside their floors.")
    known.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}; all of them if none")
    known.add_argument("--quick", action="store_true", help="one short round each; nothing is written")
    asked = known.parse_args()
    if unknown := set(asked.groups) - set(GROUPS):
        known.error(f"no group is called {', '.join(sorted(unknown))}")
    with world() as place, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        groups = runner.run(_measured(place, asked.groups or list(GROUPS), quick=asked.quick))
    if asked.quick:
        return 0  # one second of each says that it works, not how fast it is
    report.write_docs()
    return 1 if any(ratio.missed for group in groups for ratio in group.ratios) else 0


async def _measured(place: World, names: list[str], *, quick: bool) -> list[Group]:
    await place.prepare()
    versions = await report.versions(place)
    groups = []
    for name in names:
        print(f"\n{name}: {GROUPS[name].__doc__.splitlines()[0]}", flush=True)
        await place.fresh(name)
        group: Group = await GROUPS[name].run(place, QUICK if quick else FULL)
        report.show(group)
        if not quick:
            report.write(name, group, versions)
        groups.append(group)
    return groups


if __name__ == "__main__":
    sys.exit(main())
