"""What the house needs to know of work."""

from models.ledger.audit import Check
from models.ledger.chart import Line
from models.work import jobs

LINES: tuple[Line, ...] = ()
TABLES = ("models.work.tables",)
CODES: tuple[str, ...] = ()
CORRECTION_KINDS: tuple[str, ...] = ()
JOBS = jobs.JOBS
CHECKS: tuple[Check, ...] = ()
