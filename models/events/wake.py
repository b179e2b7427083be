"""The poke after a commit: whoever gives positions looks at once instead of at the next tick. Best effort."""

from __future__ import annotations

from collections.abc import Callable

_hooks: list[Callable[[], None]] = []


def install(hook: Callable[[], None]) -> Callable[[], None]:
    """Have `hook` called after every commit that wrote an event; it must not wait. Answers what takes it out again."""
    _hooks.append(hook)
    return lambda: _hooks.remove(hook)


def wake() -> None:
    for hook in _hooks:
        hook()
