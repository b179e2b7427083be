"""Where the server programs are found, and what is said when they are not."""

from __future__ import annotations

import pytest

from server.embedded import MissingBinary, binaries


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "_wheel_folder", lambda package: None)
    with pytest.raises(MissingBinary, match=r"saldo\[local\].* SALDO_REDIS_URL"):
        binaries.redis_binary()
    with pytest.raises(MissingBinary, match=r"`postgres` is missing.* SALDO_DATABASE_URL"):
        binaries.postgres_binary("postgres")
    monkeypatch.setattr(binaries, "_wheel_folder", lambda package: tmp_path)
    with pytest.raises(MissingBinary, match="does not exist"):
        binaries.redis_binary()


def test_a_redis_on_path_is_preferred(monkeypatch, tmp_path):
    program = tmp_path / "valkey-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert binaries.redis_binary() == program


def test_a_program_that_may_not_be_run_is_said(monkeypatch, tmp_path):
    program = tmp_path / "bin" / "redis-server"
    program.parent.mkdir()
    program.write_text("")
    program.chmod(0o600)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "_wheel_folder", lambda package: tmp_path)
    with pytest.raises(MissingBinary, match="may not be read and executed by this user"):
        binaries.redis_binary()
