"""Verbs: queries, mutations and subscriptions, one thin file per noun. Who asks, one call, convert.

A file is found by being here: its classes `Queries`, `Mutations` and `Subscriptions` become part of the roots, and its
`NODES` say how `node(id)` finds its nouns.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def modules() -> list[ModuleType]:
    """Every file of verbs, in the order of their names."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return [importlib.import_module(f"{__name__}.{name}") for name in names]
