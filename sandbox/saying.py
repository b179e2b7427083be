"""How the systems that are played say no, and whom they know."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from sandbox.door import Answer, Asked
from settings import settings


def error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def no(status: int, code: str, message: str) -> Answer:
    return Answer(error(code, message), status)


def nonsense(wrong: ValidationError) -> Answer:
    """What was asked could not be read: the first field that is wrong, and why."""
    first = wrong.errors()[0]
    return no(400, "invalid_request", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def known_by(setting: str) -> str:
    """The token of that setting when the sandbox starts, by which we are known there; empty: anybody is."""
    return str(getattr(settings(), setting).get_secret_value())


def stranger(asked: Asked, token: str) -> Answer | None:
    if token and asked.request.headers.get("authorization") != f"Bearer {token}":
        return no(401, "unauthorized", "the bearer token is not ours")
    return None
