"""What the house needs to know of services."""

from models.events.log import View
from models.ledger.audit import Check
from models.services.postings import SERVICE_ACCOUNT
from models.work.jobs import Job

LINES = (SERVICE_ACCOUNT,)
TABLES: tuple[str, ...] = ()
CODES: tuple[str, ...] = ()
CORRECTION_KINDS: tuple[str, ...] = ()
JOBS: tuple[Job, ...] = ()
VIEWS: dict[str, View] = {}
REACTIONS: dict[tuple[str, str], Job] = {}
CHECKS: tuple[Check, ...] = ()
