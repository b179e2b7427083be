"""What the house needs to know of work."""

from models.events.log import View, as_it_is
from models.ledger.audit import Check
from models.ledger.chart import Line
from models.work import jobs

LINES: tuple[Line, ...] = ()
TABLES = ("models.work.tables",)
CODES: tuple[str, ...] = ()
CORRECTION_KINDS: tuple[str, ...] = ()
JOBS = jobs.JOBS
TOPICS: tuple[()] = ()
VIEWS: dict[str, View] = {"job_run": as_it_is}
REACTIONS = {("job_run", "open"): jobs.RUN_REQUESTED_JOBS}
CHECKS: tuple[Check, ...] = ()
