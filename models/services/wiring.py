"""What the house needs to know of services."""

from typing import Any

from models.events.exporting import Export
from models.events.log import View
from models.inbox.topics import Topic
from models.ledger.audit import Check
from models.services.postings import SERVICE_ACCOUNT, worked
from models.work.jobs import Job

LINES = (SERVICE_ACCOUNT,)
TABLES: tuple[str, ...] = ()
CODES: tuple[str, ...] = ()
CORRECTION_KINDS: tuple[str, ...] = ()
MOVEMENTS = tuple(worked())
JOBS: tuple[Job, ...] = ()
TOPICS: tuple[Topic[Any], ...] = ()
VIEWS: dict[str, View] = {}
REACTIONS: dict[tuple[str, str], Job] = {}
EXPORTS: tuple[Export, ...] = ()
CHECKS: tuple[Check, ...] = ()
