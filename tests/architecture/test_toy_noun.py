"""A new noun touches new files and three lists alone (docs/adding-a-domain.md): here one is added to a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOY = Path("tests/architecture/toy")
LISTS = {
    "models/wiring.py": [
        ("from models.services import wiring as services\n", "from models.pledges import wiring as pledges\n"),
        ("NOUNS = (deals, ", "pledges, "),
    ],
    "jobs/wiring.py": [
        ("from jobs import ", "pledges, "),
        ('    "prune": work.prune,\n', '    "keep_pledges": pledges.keep_pledges,\n'),
    ],
    "schema/wiring.py": [
        ("from schema import (\n", "    pledges,\n"),
        ("TYPES = (\n    people.Person, ", "pledges.Pledge, "),
        ('    "person": people.PersonEvent,\n', '    "pledge": pledges.PledgeEvent,\n'),
    ],
}


@pytest.mark.alone
def test_a_sixth_noun_touches_new_files_and_three_lists(tmp_path):
    copy = tmp_path / "saldo"
    ignored = shutil.ignore_patterns(".git", ".venv", ".saldo", "__pycache__", ".*_cache", "benches")
    shutil.copytree(".", copy, ignore=ignored)
    for part in ("models/pledges", "schema/pledges.py", "resolvers/pledges.py", "jobs/pledges.py"):
        source = TOY / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
    for path, additions in LISTS.items():
        text = (copy / path).read_text()
        for after, added in additions:
            assert after in text, f"{path} has no {after!r} any more"
            text = text.replace(after, after + added)
        (copy / path).write_text(text)
    shutil.copy(TOY / "played.py", copy / "tests/test_played.py")

    run(copy, "-m", "server.cli", "migrate", "--write", "pledges")
    run(copy, "-m", "server.cli", "docs")
    run(copy, "-m", "pytest", "-q", "-m", "not alone", "tests/architecture", "tests/test_played.py")


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env={**os.environ, "SALDO_ENV": "development"},
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
