"""What the house needs to know of disputes."""

from typing import Any

from models.disputes import errors
from models.disputes.operations import heard
from models.disputes.tables import OPEN_ONES
from models.disputes.views import event
from models.events.exporting import Export
from models.events.log import View, as_it_is
from models.inbox.topics import Ignore, Payload, Received, Topic
from models.ledger.audit import Check
from models.ledger.chart import Line
from models.ledger.transfers import Movement
from models.unit import Unit
from models.work.jobs import Job
from settings import settings


class PaymentSucceeded(Payload):
    """A provider's word that a payment succeeded after all."""

    invoice_id: str
    payment_id: str


async def _heard(work: Unit, said: PaymentSucceeded, _received: Received) -> object:
    if not settings().dispute_callbacks_enabled:
        raise Ignore("callbacks of providers are switched off")
    return await heard(work, said.invoice_id, said.payment_id)


def _job(name: str, period: str, about: str) -> Job:
    return Job(name, period, about, timeout="dispute", alone=True)


CREATED = _job("process_created_disputes", "process_created", "Takes new disputes to their providers, or to a human.")
PENDING = _job("process_pending_disputes", "process_pending", "Asks providers what became of their disputes.")
FORGOTTEN = _job(
    "process_forgotten_disputes",
    "process_forgotten",
    "Notices what billing settled of disputes that nobody asks about, and calls humans that are late.",
)
ADJUST = _job(
    "process_adjustments", "process_adjustments", "Makes billing put payments right, one adjustment at a time."
)
NOTIFY = _job(
    "deliver_dispute_notifications", "dispute_notifications", "Tells merchants' servers how their disputes ended."
)
CALLBACKS = _job("check_payment_callbacks", "check_callbacks", "Asks whether what providers tell of payments is so.")
SUPPORT = _job("tell_support", "tell_support", "Tells the support desk each status of each dispute, in order.")
ORPHANS = _job("remove_orphaned_attachments", "remove_orphans", "Removes files that came to belong to no dispute.")

LINES: tuple[Line, ...] = ()
TABLES = ("models.disputes.tables",)
CODES = (
    errors.DISPUTE_NOT_FOUND,
    errors.INVOICE_PAYMENT_NOT_FOUND,
    errors.NOTIFICATION_NOT_FOUND,
    errors.UNEXPECTED_MIME_TYPE,
    errors.ATTACHMENT_TOO_LARGE,
    errors.TOO_MANY_ATTACHMENTS,
    errors.NOTIFICATION_URL_NOT_ALLOWED,
    errors.PAYMENT_EXPIRED,
    errors.PAYMENT_NOT_STARTED,
    errors.TOO_MANY_DISPUTES,
)
CORRECTION_KINDS: tuple[str, ...] = ()
MOVEMENTS: tuple[Movement, ...] = ()
JOBS = (CREATED, PENDING, FORGOTTEN, ADJUST, NOTIFY, CALLBACKS, SUPPORT, ORPHANS)
TOPICS: tuple[Topic[Any], ...] = (
    Topic(
        "payment.succeeded",
        PaymentSucceeded,
        lambda said: f"{said.invoice_id}/{said.payment_id}",
        _heard,
        webhook="providers",
    ),
)
VIEWS: dict[str, View] = {"dispute": event, "adjustment": as_it_is, "payment_callback": as_it_is}
REACTIONS = {
    ("adjustment", "open"): ADJUST,
    ("adjustment", "restart"): ADJUST,
    ("dispute", "bind"): PENDING,
    ("dispute", "resume"): PENDING,
    ("dispute", "escalate"): SUPPORT,
    ("dispute", "succeed"): NOTIFY,
    ("dispute", "settle"): NOTIFY,
    ("dispute", "fail"): NOTIFY,
    ("dispute", "cancel"): NOTIFY,
    ("payment_callback", "open"): CALLBACKS,
}
EXPORTS: tuple[Export, ...] = ()
CHECKS = (
    Check(
        "adjustments_are_told",
        "a dispute shows of its adjustment what the adjustment itself says",
        """SELECT 'dispute ' || d.dispute_id || ' shows adjustment ' || coalesce(d.adjustment_status, 'none') || ', it is '
                  || a.status AS difference
             FROM adjustment a JOIN dispute d ON d.id = a.dispute_id
            WHERE d.adjustment_status IS DISTINCT FROM a.status
               OR d.adjustment_sent <> (a.cash_flow_sent_at IS NOT NULL OR a.captured_sent_at IS NOT NULL)""",
    ),
    Check(
        "adjusting_disputes_have_adjustments",
        "a dispute that waits for its adjustment has one at work, and an ended one has none",
        """SELECT 'dispute ' || d.dispute_id || ' is ' || d.status || ', its adjustment ' || coalesce(a.status, 'is missing')
                  AS difference
             FROM dispute d LEFT JOIN adjustment a ON a.dispute_id = d.id
            WHERE d.status = 'create_adjustment' AND a.status IS DISTINCT FROM 'create_adjustment'
               OR d.status IN ('succeeded', 'failed', 'cancelled') AND a.status = 'create_adjustment'""",
    ),
    Check(
        "notifications_are_told",
        "a dispute knows of its notification what that says, and one is due only once the dispute has ended",
        """SELECT 'dispute ' || d.dispute_id || ' is ' || d.status || ' and shows notification '
                  || coalesce(d.notification_status, 'none') || ', it is ' || coalesce(n.status, 'none') AS difference
             FROM dispute d LEFT JOIN dispute_notification n ON n.dispute_id = d.id
            WHERE d.notification_status IS DISTINCT FROM n.status
               OR n.status = 'pending'
              AND (n.next_check_at IS NOT NULL) <> (d.status IN ('succeeded', 'failed', 'cancelled'))""",
    ),
    Check(
        "one_newest_is_open",
        "only the newest dispute of a payment may be open",
        f"""SELECT 'dispute ' || d.dispute_id || ' is ' || d.status || ', a newer one of its payment follows' AS difference
             FROM dispute d WHERE d.status IN ({OPEN_ONES}) AND EXISTS (
               SELECT FROM dispute n WHERE n.invoice_id = d.invoice_id AND n.payment_id = d.payment_id AND n.id > d.id)""",
    ),
    Check(
        "ended_disputes_say_so",
        "one that ended well is approved; one that did not is neither approved nor has it another amount",
        """SELECT 'dispute ' || dispute_id || ' succeeded and is said to be ' || public_reason AS difference
             FROM dispute WHERE status = 'succeeded' AND public_reason IS DISTINCT FROM 'approved'
                OR status IN ('failed', 'cancelled') AND (public_reason = 'approved' OR changed_minor IS NOT NULL)""",
    ),
)
