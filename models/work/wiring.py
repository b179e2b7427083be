"""What the house needs to know of work."""

from models.events.exporting import Export
from models.events.log import View, as_it_is
from models.ledger.audit import Check
from models.ledger.chart import Line
from models.ledger.transfers import Movement
from models.work import jobs

LINES: tuple[Line, ...] = ()
TABLES = ("models.work.tables",)
CODES: tuple[str, ...] = ()
CORRECTION_KINDS: tuple[str, ...] = ()
MOVEMENTS: tuple[Movement, ...] = ()
JOBS = jobs.JOBS
TOPICS: tuple[()] = ()
VIEWS: dict[str, View] = {"job_run": as_it_is}
REACTIONS = {("job_run", "open"): jobs.RUN_REQUESTED_JOBS}
EXPORTS: tuple[Export, ...] = ()
CHECKS = (
    Check(
        "positions_without_a_gap",
        "the positions of the log are 1, 2, 3, … without a gap",
        """SELECT count(*) || ' positions, the last is ' || max(position) AS difference FROM place
            HAVING count(*) <> coalesce(max(position), 0)""",
    ),
    Check(
        "events_have_a_place",
        "every event has a position, or waits for one",
        """SELECT 'event ' || e.id || ' (' || e.subject || ') is nowhere' AS difference FROM event e
            WHERE NOT EXISTS (SELECT FROM place p WHERE p.event_id = e.id)
              AND NOT EXISTS (SELECT FROM unplaced u WHERE u.event_id = e.id)""",
    ),
)
