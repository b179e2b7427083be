"""`saldo up` with tiny programs in place of the API, the worker and the chores: what the tests of it start.

python -m tests.faults.tiny_house house good|bad|slow
"""

from __future__ import annotations

import asyncio
import http.server
import os
import sys
import time
from pathlib import Path


class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def web(name: str, port: int) -> None:
    Path(os.environ["SALDO_HOME"], f"{name}.pid").write_text(str(os.getpid()))
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Ready).serve_forever()


async def migrate() -> None:
    import asyncpg  # noqa: PLC0415  the tiny programs are many and start fast

    connection = await asyncpg.connect(os.environ["SALDO_DATABASE_URL"])
    await connection.execute("CREATE TABLE IF NOT EXISTS seen (at timestamptz)")
    await connection.execute("INSERT INTO seen VALUES (now())")
    sys.stdout.write(f"starts seen: {await connection.fetchval('SELECT count(*) FROM seen')}\n")
    await connection.close()


def seed(how: str) -> None:
    sys.stdout.write(f"the seed is {how}\n")
    sys.stdout.flush()
    if how == "slow":
        time.sleep(60)
    if how == "bad":
        sys.exit(9)


def house(how: str) -> int:
    from server.up import Command, Programs, up  # noqa: PLC0415  the tiny programs are many and start fast
    from settings import settings  # noqa: PLC0415  the same

    def ours(name: str, *words: object, url: str = "") -> Command:
        return Command(name, [sys.executable, "-m", "tests.faults.tiny_house", name, *map(str, words)], url)

    ports = {"api": settings().port, "worker": settings().port + 1}
    programs = Programs(
        steps=[ours("migrate"), ours("seed", how)],
        processes=[ours(name, port, url=f"http://127.0.0.1:{port}/readyz") for name, port in ports.items()],
        tokens=[ours("operator"), ours("user")],
    )
    return asyncio.run(up(programs))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["house", how]:
            sys.exit(house(how))
        case ["api" | "worker" as name, port]:
            web(name, int(port))
        case ["migrate"]:
            asyncio.run(migrate())
        case ["seed", how]:
            seed(how)
        case ["operator"]:
            sys.stdout.write("token-of-operator\n")
        case _:
            sys.exit(1)
