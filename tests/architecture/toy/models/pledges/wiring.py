"""What the house needs to know of pledges."""

from models.pledges.errors import PLEDGE_NOT_FOUND
from models.pledges.postings import HOLD, PLEDGED, RELEASE, worked

from models.events.log import as_it_is
from models.ledger.audit import Check
from models.work.jobs import Job

LINES = (PLEDGED,)
TABLES = ("models.pledges.tables",)
CODES = (PLEDGE_NOT_FOUND,)
CORRECTION_KINDS = (HOLD, RELEASE)
MOVEMENTS = tuple(worked())
KEEP_PLEDGES = Job("keep_pledges", "prune", "Keeps every pledge.")
JOBS = (KEEP_PLEDGES,)
TOPICS = ()
VIEWS = {"pledge": as_it_is}
REACTIONS = {("pledge", "open"): KEEP_PLEDGES}
EXPORTS = ()
CHECKS = (
    Check(
        "kept_pledges_stand_at_zero",
        "the account of a kept pledge is empty",
        """SELECT a.name || ' is not empty' AS difference FROM ledger_account a JOIN pledge p ON a.name = 'pledge:' || p.id
            WHERE p.status = 'kept' AND a.own <> 0""",
    ),
)
