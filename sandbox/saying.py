"""How the systems that are played say no, and whom they know."""

from __future__ import annotations

from typing import Any

from sandbox.door import Answer, Asked
from settings import settings


def error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def no(status: int, code: str, message: str) -> Answer:
    return Answer(error(code, message), status)


def stranger(asked: Asked, token: str) -> Answer | None:
    """By the setting of that name; where it is empty anybody is known."""
    wanted = getattr(settings(), token).get_secret_value()
    if wanted and asked.request.headers.get("authorization") != f"Bearer {wanted}":
        return no(401, "unauthorized", "the bearer token is not ours")
    return None
