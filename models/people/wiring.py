"""What the house needs to know of people."""

from models.events.exporting import Export
from models.events.log import View, as_it_is
from models.inbox.topics import Topic
from models.ledger.audit import Check
from models.people.errors import PERSON_NOT_FOUND
from models.people.operations import PersonNamed, named
from models.people.postings import ADJUSTMENT, AVAILABLE, worked
from models.work.jobs import Job

BALANCE = "balance"
"""The noun of the events that the ledger writes of a person's account."""

LINES = (AVAILABLE,)
TABLES = ("models.people.tables",)
CODES = (PERSON_NOT_FOUND,)
CORRECTION_KINDS = (ADJUSTMENT,)
MOVEMENTS = tuple(worked())
JOBS: tuple[Job, ...] = ()
TOPICS = (Topic("person.named", PersonNamed, key=lambda said: said.external_id, handle=named),)
VIEWS: dict[str, View] = {"person": as_it_is, BALANCE: as_it_is}
REACTIONS: dict[tuple[str, str], Job] = {}
EXPORTS: tuple[Export, ...] = ()
CHECKS = (
    Check(
        "people_own_balances",
        "every available balance belongs to a person that there is",
        """SELECT a.name || ' ' || a.currency || ' belongs to nobody' AS difference FROM ledger_account a
            WHERE a.kind = 'person.available' AND NOT EXISTS (SELECT FROM person WHERE 'person:' || person.id = a.owner)""",
    ),
)
