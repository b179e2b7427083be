"""Redis of one home: one server, or for tests several that know nothing of each other."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path
from urllib.parse import quote

from server.embedded.binaries import redis_binary
from server.embedded.identity import AsRoot, identity
from server.embedded.paths import fresh_log, make_private, prepare_home, run_folder
from server.embedded.service import Service, end_leftover

DATABASES = 64
ANSWER_SECONDS = 0.5


def redis_url(home: Path, database: int = 0, *, index: int = 0) -> str:
    return f"unix://{quote(str(_socket(home, index)))}?db={database}"


def prepare_redis(home: Path, *, durable: bool, index: int = 0, as_root: AsRoot = "auto") -> Service:
    """Says how to run the server number `index`. The caller holds the home's lock."""
    home = prepare_home(home)
    program, who, name = redis_binary(), identity(as_root), _name(index)
    who.own(home)
    who.demand_reach(home, program)
    data, run, path = make_private(home / name), make_private(run_folder(home)), _socket(home, index)
    for folder in (run, data):
        who.own(folder)
    pid_file = data / "redis.pid"
    argv = [str(program), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--dir", str(data)]
    argv += ["--databases", str(DATABASES), "--pidfile", str(pid_file), "--save", ""]
    return Service(
        name=name,
        argv=[*who.prefix, *argv, "--appendonly", "yes" if durable else "no"],
        stop_signal=signal.SIGTERM,
        ready=lambda pid: _ready(path, pid),
        log=fresh_log(home, name),
        before_start=lambda: _clear_leftover(pid_file, path),
        spawn_options=who.spawn_options,
    )


def _name(index: int) -> str:
    return "redis" if index == 0 else f"redis-{index}"


def _socket(home: Path, index: int) -> Path:
    return run_folder(home) / f"{_name(index)}.sock"


def _clear_leftover(pid_file: Path, path: Path) -> None:
    """Redis would take the socket of a server still running, and both would write one append-only file.

    A running Redis shows its socket instead of its options in the list of processes.
    """
    try:
        pid = int(pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return
    end_leftover(pid, str(path), signal.SIGTERM, "Redis")
    pid_file.unlink(missing_ok=True)


def _ready(path: Path, pid: int) -> bool:
    """It answers, has loaded its data, and is the process we started."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(ANSWER_SECONDS)
            line.connect(str(path))
            line.sendall(b"PING\r\nINFO server\r\nQUIT\r\n")
            said = b"".join(iter(lambda: line.recv(65536), b""))
    except OSError:
        return False
    return said.startswith(b"+PONG") and re.search(rb"process_id:%d\r" % pid, said) is not None
