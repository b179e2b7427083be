"""Every write of the business goes through a unit, and only a unit sets a status."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

WRITERS = {
    "models/unit.py", "models/kernel/rows.py", "models/migrating.py", "models/work/claims.py", "models/work/operations.py",
    "models/inbox/operations/forgetting.py", "models/payments/operations/noting.py",
    "models/parties/operations/noting.py",
}  # fmt: skip
WRITING_PARTS = ("models/ledger/", "models/events/")
ORM_WRITES = {"create", "save", "delete", "update", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
SQL_WRITE = re.compile(r"\b(INSERT\s+INTO|UPDATE\s+[\"\w{]|DELETE\s+FROM|TRUNCATE)\b")
FILES = [
    path for top in ("models", "schema", "resolvers", "jobs", "server") for path in sorted(Path(top).rglob("*.py"))
]
OUTSIDE = [
    path
    for path in FILES
    if "migrations" not in path.parts and str(path) not in WRITERS and not str(path).startswith(WRITING_PARTS)
]


@pytest.mark.parametrize("path", OUTSIDE, ids=str)
def test_nothing_else_writes(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not SQL_WRITE.search(node.value), f"{path}:{node.lineno} writes by SQL"
        if (
            isinstance(node, ast.Await)
            and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Attribute)
        ):
            assert node.value.func.attr not in ORM_WRITES, f"{path}:{node.lineno} writes by Tortoise"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_only_the_relay_enqueues(path):
    """From the log: so that nothing is enqueued that did not happen, and nothing that happened is forgotten."""
    assert "enqueue_job(" not in path.read_text() or str(path) == "jobs/exports.py"


@pytest.mark.parametrize("path", [path for path in FILES if str(path) != "models/unit.py"], ids=str)
def test_only_the_unit_sets_a_status(path):
    for node in ast.walk(ast.parse(path.read_text())):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        for target in targets:
            sets = isinstance(target, ast.Attribute) and target.attr == "status"
            assert not sets or getattr(target.value, "id", "") == "self", f"{path}:{node.lineno} sets a status"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nobody_but_the_unit_opens_a_transaction_to_write(path):
    """The ledger's audit reads in one; migrations are one."""
    opens = "transaction(" in path.read_text()
    assert not opens or str(path) in {
        "models/unit.py", "models/kernel/sql.py", "models/ledger/audit.py", "models/migrating.py",
    }  # fmt: skip
