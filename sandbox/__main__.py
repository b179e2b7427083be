"""`python -m sandbox`, which is what `saldo sandbox` runs."""

from __future__ import annotations

import sys

from pydantic import ValidationError

from settings import settings


def main() -> int:
    try:
        config = settings()
    except ValidationError as wrong:
        for problem in wrong.errors():
            sys.stderr.write(f"settings: {problem['msg'].removeprefix('Value error, ')}\n")
        sys.stderr.write("The sandbox plays the outside world in development only (SALDO_ENV=development).\n")
        return 2
    if not config.development:
        sys.stderr.write("The sandbox plays the outside world in development only (SALDO_ENV=development).\n")
        return 2
    from sandbox.serving import serve  # noqa: PLC0415  nothing of it is loaded where it may not run

    serve()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
