"""What the house needs to know of the inbox."""

from typing import Any

from models.events.exporting import Export
from models.events.log import View, as_it_is
from models.inbox.errors import EVENT_ID_CONFLICT
from models.inbox.topics import Topic
from models.ledger.audit import Check
from models.ledger.chart import Line
from models.ledger.transfers import Movement
from models.work.jobs import Job

DRAIN_INBOX = Job("drain_inbox", "inbox", "Does what other systems told us, in order for each key.", timeout="inbox")

LINES: tuple[Line, ...] = ()
TABLES = ("models.inbox.tables",)
CODES = (EVENT_ID_CONFLICT,)
CORRECTION_KINDS: tuple[str, ...] = ()
MOVEMENTS: tuple[Movement, ...] = ()
JOBS = (DRAIN_INBOX,)
TOPICS: tuple[Topic[Any], ...] = ()
VIEWS: dict[str, View] = {"inbox_message": as_it_is, "dead_letter": as_it_is}
REACTIONS = {("inbox_message", "open"): DRAIN_INBOX, ("inbox_message", "redrive"): DRAIN_INBOX}
EXPORTS: tuple[Export, ...] = ()
CHECKS = (
    Check(
        "dead_messages_have_letters",
        "every dead message of the inbox has one dead letter, and no other message has one",
        """SELECT 'inbox message ' || m.id || ' is dead and has ' || count(l.id) || ' dead letters' AS difference
             FROM inbox_message m LEFT JOIN dead_letter l ON l.message_id = m.id AND l.status = 'dead'
            WHERE m.status = 'dead' GROUP BY m.id HAVING count(l.id) <> 1
            UNION ALL
           SELECT 'inbox message ' || m.id || ' is ' || m.status || ' and has a dead letter'
             FROM dead_letter l JOIN inbox_message m ON m.id = l.message_id WHERE l.status = 'dead' AND m.status <> 'dead'""",
    ),
    Check(
        "messages_keep_their_order",
        "no message was handled before an earlier one of its key that still waits and never died",
        """SELECT 'inbox message ' || e.id || ' is ' || e.status || ', a later one of its key was handled' AS difference
             FROM inbox_message e WHERE e.status IN ('received', 'waiting') AND e.key IS NOT NULL
              AND NOT EXISTS (SELECT FROM dead_letter l WHERE l.message_id = e.id)
              AND EXISTS (SELECT FROM inbox_message m WHERE m.topic = e.topic AND m.key = e.key AND m.id > e.id
                             AND m.status IN ('processed', 'ignored') )""",
    ),
)
