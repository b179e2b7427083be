"""Enums whose values the nouns bring."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import strawberry


def enum_of(name: str, values: Mapping[str, str], description: str) -> Any:
    """A GraphQL enum of what the wiring gathered: GraphQL name -> value."""
    made: Any = Enum(name, dict(values))  # type: ignore[misc]  # the names are known when the nouns are gathered
    return strawberry.enum(made, name=name, description=description)
