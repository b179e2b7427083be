"""Who may import whom. The table is the rule; CONTRIBUTING.md prints it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HOUSE = {
    "settings": set(),
    "models": {"settings"},
    "gateways": {"models", "settings"},
    "schema": {"models", "settings"},
    "resolvers": {"schema", "models", "gateways", "settings"},
    "jobs": {"gateways", "models", "settings"},
    "sandbox": {"models", "settings"},
    "server": {"resolvers", "schema", "jobs", "gateways", "models", "settings"},
}
MODELS = {
    "kernel": set(),
    "ledger": {"kernel"},
    "events": {"kernel"},
    "unit": {"ledger", "events", "kernel"},
    "work": {"unit", "ledger", "events", "kernel"},
    "inbox": {"work", "unit", "ledger", "events", "kernel"},
    "people": {"inbox", "work", "unit", "ledger", "events", "kernel"},
    "parties": {"inbox", "work", "unit", "ledger", "events", "kernel"},
    "wiring": None,  # gathers what the nouns bring
    "database": {"wiring", "kernel", "ledger"},
    "migrating": {"database", "wiring", "kernel", "ledger"},
    "migrations": None,  # speaks of tables as they were
}
"""Any other package of models is a noun: it may import what people may, and people and parties; never another noun."""
NOUN = {"people", "parties", "inbox", "work", "unit", "ledger", "events", "kernel"}
ONLY_KERNEL = {"gateways", "sandbox"}
ROOMS = {
    "__init__.py", "lifecycle.py", "errors.py", "tables.py", "postings.py", "views.py", "reads.py", "operations.py", "wiring.py",
}  # fmt: skip
PLUMBING = {"kernel", "ledger", "events", "work", "inbox", "migrations", "__pycache__"}
TABLELESS = {"services"}  # owns accounts and plans of the ledger, and no table

FILES = [path for top in HOUSE for path in [*Path(top).rglob("*.py"), *Path().glob(f"{top}.py")]]


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    whole = {
        f"{node.module}.{alias.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    return plain | whole


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_point_downwards(path):
    top = path.parts[0].removesuffix(".py")
    ours = {name for name in imported(path) if name.split(".")[0] in HOUSE}
    assert {name.split(".")[0] for name in ours} <= HOUSE[top] | {top}
    if top in ONLY_KERNEL:
        assert all(name.startswith("models.kernel") for name in ours if name.startswith("models"))
    if top == "models" and len(path.parts) > 1:
        part = path.parts[1].removesuffix(".py")
        allowed = MODELS.get(part, NOUN) if part != "__init__" else set()
        met = {name.split(".")[1] for name in ours if name.startswith("models.")}
        assert allowed is None or met <= allowed | {part}


def test_no_module_imports_itself_in_a_circle():
    graph = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): imported(path) for path in FILES}
    edges = {
        name: {m for target in targets for m in (target, target.rpartition(".")[0]) if m in graph and m != name}
        for name, targets in graph.items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for target in sorted(edges[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in sorted(edges):
        visit(name, ())


def nouns() -> list[str]:
    return sorted(p.name for p in Path("models").iterdir() if p.is_dir() and p.name not in PLUMBING)


@pytest.mark.parametrize("noun", nouns())
def test_every_noun_has_the_same_rooms(noun):
    here = {path.name for path in Path("models", noun).iterdir() if path.name != "__pycache__"}
    rooms = {folder if (folder := room.removesuffix(".py")) in here else room for room in ROOMS}
    assert here <= rooms
    assert noun in TABLELESS or here == rooms


def test_contributing_prints_the_table():
    text = Path("CONTRIBUTING.md").read_text()
    for top, below in HOUSE.items():
        told = ", ".join(f"`{name}`" for name in sorted(below - {"settings"})) or "nothing"
        if top != "settings":
            assert f"| `{top}` | {told} |" in text


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_file_is_long(path):
    assert len(path.read_text().splitlines()) <= 400 or "migrations" in path.parts
