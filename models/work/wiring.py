"""What the house needs to know of work."""

from models.ledger.audit import Check
from models.ledger.chart import Line
from models.work.jobs import JOBS as JOBS

LINES: tuple[Line, ...] = ()
TABLES = ("models.work.tables",)
CORRECTION_KINDS: tuple[str, ...] = ()
CHECKS: tuple[Check, ...] = ()
