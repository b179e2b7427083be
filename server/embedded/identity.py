"""As whom the servers run. PostgreSQL refuses to be root; everybody else runs them as himself.

For root there are three disguises, tried in this order. A user namespace is the best: the server sees uid 1000, the
files stay root's and no user is needed. Where namespaces are forbidden (most containers) the servers become `nobody`,
with the one capability that lets them pass folders closed to others; where that is refused too, plain `nobody`, and
then the home and the binaries must be reachable for everyone.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from server.embedded.children import forking_quietly, server_environment, tied_to_parent

AsRoot = Literal["auto", "namespace", "capability", "nobody"]
COMMAND_SECONDS = 120  # initdb on a slow disk


class NoIdentity(RuntimeError):
    """Root found nobody it could run PostgreSQL as; the text says what to do."""


@dataclass(frozen=True)
class Identity:
    prefix: tuple[str, ...] = ()
    spawn_options: dict[str, Any] = field(default_factory=dict)
    owner: tuple[int, int] | None = None  # uid and gid of the files; None: whoever we are

    def run(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        """One short command, to its end, with its output."""
        with forking_quietly():
            return self._run(argv)

    def _run(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix, *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=server_environment(),
            cwd="/",  # the caller's folder may be closed to the user we become
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
            **tied_to_parent(signal.SIGKILL),
            **self.spawn_options,
        )

    def works(self) -> bool:
        try:
            return self.run(["true"]).returncode == 0
        except (OSError, subprocess.SubprocessError):
            return False

    def own(self, path: Path) -> None:
        """Files of an earlier run under another identity change hands; nothing happens where the owner is right."""
        if os.geteuid() != 0:
            return
        uid, gid = self.owner or (0, 0)
        if path.lstat().st_uid == uid:
            return
        for folder, _, files in os.walk(path):
            for each in (Path(folder), *(Path(folder, name) for name in files)):
                os.chown(each, uid, gid, follow_symlinks=False)

    def demand_reach(self, home: Path, program: Path) -> None:
        """A sentence now instead of "Permission denied" in a log later."""
        if self.owner is None:
            return
        for path, probe in ((program, [str(program), "--version"]), (home, ["ls", "-d", f"{home}/."])):
            try:
                reached = self.run(probe).returncode == 0
            except OSError:
                reached = False
            if not reached:
                raise NoIdentity(
                    f"PostgreSQL cannot run as root, so it runs as user `nobody`, who cannot reach {path}. Make every "
                    "folder above it passable for others (chmod o+x), move it (SALDO_HOME=/var/lib/saldo), or do not "
                    "start this as root."
                )


@cache
def identity(as_root: AsRoot = "auto") -> Identity:
    """The first disguise that works here; tests force one of them, which then has to work."""
    if os.geteuid() != 0:
        return Identity()
    for name, build in DISGUISES.items():
        candidate = build() if as_root in ("auto", name) else None
        if candidate is not None and candidate.works():
            return candidate
    raise NoIdentity(
        "PostgreSQL refuses to run as root, and here root may neither use a user namespace (unshare -U) nor become "
        "user `nobody`. Start this as an ordinary user, or point SALDO_DATABASE_URL and SALDO_REDIS_URL at servers "
        "of your own."
    )


def _namespace() -> Identity | None:
    unshare = shutil.which("unshare")
    return Identity((unshare, "-U", "--map-user=1000", "--map-group=1000")) if unshare else None


def _capability() -> Identity | None:
    owner, setpriv = _nobody_ids(), shutil.which("setpriv")
    if owner is None or setpriv is None:
        return None
    # `keep`: becoming another user would clear the parent-death signal which was set before this program runs.
    who = (f"--reuid={owner[0]}", f"--regid={owner[1]}", "--clear-groups", "--pdeathsig=keep")
    return Identity((setpriv, *who, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"), owner=owner)


def _nobody() -> Identity | None:
    owner = _nobody_ids()
    if owner is None:
        return None
    return Identity(spawn_options={"user": owner[0], "group": owner[1], "extra_groups": []}, owner=owner)


def _nobody_ids() -> tuple[int, int] | None:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


DISGUISES: dict[str, Callable[[], Identity | None]] = {
    "namespace": _namespace,
    "capability": _capability,
    "nobody": _nobody,
}
