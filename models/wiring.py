"""All that the nouns bring, gathered once. A new noun adds one line to NOUNS."""

from __future__ import annotations

from collections.abc import Mapping

from models.deals import wiring as deals
from models.disputes import wiring as disputes
from models.events.exporting import Export
from models.events.log import View
from models.inbox import wiring as inbox
from models.inbox.topics import Topics
from models.ledger import audit, chart
from models.parties import wiring as parties
from models.payments import wiring as payments
from models.payouts import wiring as payouts
from models.people import wiring as people
from models.services import wiring as services
from models.work import wiring as work
from models.work.jobs import Job

NOUNS = (deals, payments, payouts, disputes, parties, people, services, work, inbox)

LINES = (*chart.LINES, *(line for noun in NOUNS for line in noun.LINES))
TABLES = tuple(table for noun in NOUNS for table in noun.TABLES)
CHECKS = (*audit.CHECKS, *(check for noun in NOUNS for check in noun.CHECKS))
JOBS = {job.name: job for noun in NOUNS for job in noun.JOBS}
CODES = tuple(code for noun in NOUNS for code in noun.CODES)
CORRECTION_KINDS = tuple(kind for noun in NOUNS for kind in noun.CORRECTION_KINDS)
MOVEMENTS = tuple((noun.__name__.split(".")[1], *movement) for noun in NOUNS for movement in noun.MOVEMENTS)
"""(Nouns, move, transfers): what each move posts, by an example."""
TOPICS: Topics = {topic.name: topic for noun in NOUNS for topic in noun.TOPICS}
"""What other systems may tell us, by name."""
VIEWS: Mapping[str, View] = {name: view for noun in NOUNS for name, view in noun.VIEWS.items()}
"""Noun -> what a viewer may see of one of its events."""
REACTIONS: Mapping[tuple[str, str], Job] = {event: job for noun in NOUNS for event, job in noun.REACTIONS.items()}
"""(noun, event) -> the job that it wakes."""
EXPORTS: tuple[Export, ...] = tuple(export for noun in NOUNS for export in noun.EXPORTS)
"""What other systems are told of the log."""
