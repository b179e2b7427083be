"""What words and names of an input may be. Each check answers the problems that it found."""

from __future__ import annotations

import re

from models.kernel.refusals import FieldProblem

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def text(path: str, value: str, limit: int) -> list[FieldProblem]:
    """Words: something, and not too much."""
    wrong = not value.strip() or len(value) > limit or "\x00" in value
    return [FieldProblem(path, f"must have 1 to {limit} characters, not only blanks")] if wrong else []


def code(path: str, value: str, limit: int) -> list[FieldProblem]:
    """A name that other systems give: it goes into names of accounts and audiences, so no slash and no blank."""
    if CODE.fullmatch(value) and len(value) <= limit:
        return []
    message = f"must have 1 to {limit} letters, digits, dots, dashes or underscores, and begin with a letter or digit"
    return [FieldProblem(path, message)]
