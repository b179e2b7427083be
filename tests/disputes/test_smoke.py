from datetime import timedelta

from gateways.disputing import *
from gateways.receipts import *
from gateways.wiring import Gateways
from jobs import adjusting, notifying
from jobs import disputes as jobs
from jobs.running import Tools
from models.disputes import operations as disputes
from models.disputes import reads
from models.disputes.lifecycle import Polling
from models.disputes.operations import Billed, Filed, StoredFile
from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.sql import fetch, sql
from models.kernel.viewer import *
from tests.make import Asker

M = Viewer("m", frozenset({MERCHANT}), party="p")
OP = Viewer("op", frozenset({OPERATOR}))
SYS = Viewer.system("x")


class B:
    def __init__(s):
        s.status = "failed"
        s.adj = []
        s.pending = 0

    async def payment(s, i, p):
        return BilledPayment(
            i,
            p,
            "p",
            "s",
            "Shop",
            s.status,
            Money(10000, "RUB"),
            now() - timedelta(days=1),
            provider=1,
            terminal=1,
            provider_trx="t",
        )

    async def risk_score(s, i, p):
        return "low"

    async def terminal(s, id):
        return Terminal(1, 1, "http://x", {"DISPUTE_FLOW_PROVIDERS_API_EXIST": "1"})

    async def adjustments(s, i, p):
        return s.adj

    async def adjust(s, o):
        s.adj.append(BilledAdjustment("a", o.kind, o.reason, o.reason if o.kind == "captured" else ""))
        return "a"


class P:
    def __init__(s):
        s.paid = False
        s.decided = StillPending()
        s.created = Accepted("pd-1")

    async def create(s, url, o):
        s.order = o
        return s.created

    async def check_dispute(s, url, d, t, c):
        return s.decided

    async def check_payment(s, url, t, c):
        return PaymentChecked(s.paid, Money(8000, "RUB") if s.paid else None)

    async def missing(s, url):
        return False


class S:
    def __init__(s):
        s.cards = []

    async def create(s, o):
        return Accepted("sup")

    async def tell(s, k, c):
        s.cards.append((k, c["status"]))


class R:
    def __init__(s):
        s.got = []

    async def post(s, m):
        s.got.append(m.body)
        return 200


class St:
    async def present(s, keys):
        return frozenset(keys)

    async def link(s, k, sec):
        return "http://f/" + k


async def due():
    for t in ("dispute", "adjustment", "dispute_notification", "payment_callback"):
        await fetch(sql(f"UPDATE {t} SET next_check_at = saldo_now() WHERE next_check_at IS NOT NULL RETURNING 1"))


async def test_all(make, api):
    b, p, s, r = B(), P(), S(), R()
    tools = Tools(SYS, {}, Gateways(billing=b, providers=p, support=s, receivers=r, storage=St()))
    billed = Billed("inv", "pay", "p", "s", "Shop", Money(10000, "RUB"), now() - timedelta(days=1), 1, 1, "t")
    d = await disputes.make(
        billed,
        Filed(None, "he paid", "https://m.example/h"),
        [StoredFile("k", "image/png", 3, "x" * 64)],
        Polling(),
        by=M,
        request=None,
    )
    again = await disputes.make(billed, Filed(), [], Polling(), by=M, request=None)
    assert again == await reads.dispute(OP, d.id)
    await due()
    assert (await jobs.process_created_disputes(tools)).done == 1
    x = await reads.dispute(OP, d.id)
    assert x.status == "pending", x
    await due()
    await jobs.process_pending_disputes(tools)
    x = await reads.dispute(OP, d.id)
    assert x.status == "pending", x
    p.paid = True
    p.decided = Upheld(Money(8000, "RUB"), "msg")
    await due()
    await jobs.process_pending_disputes(tools)
    x = await reads.dispute(OP, d.id)
    assert x.status == "create_adjustment", x
    await due()
    rep = await adjusting.process_adjustments(tools)
    x = await reads.dispute(OP, d.id)
    assert x.status == "create_adjustment" and x.adjustment_sent, x
    await due()
    rep = await adjusting.process_adjustments(tools)
    x = await reads.dispute(OP, d.id)
    assert x.status == "succeeded" and x.changed.minor == 8000, x
    assert [a.kind for a in b.adj] == ["cash_flow", "captured"]
    await notifying.deliver_dispute_notifications(tools)
    assert r.got == [
        {
            "disputeId": str(d.dispute_id),
            "invoiceId": "inv",
            "paymentId": "pay",
            "status": "succeeded",
            "reason": {"message": "approved"},
            "changedAmount": 8000,
        }
    ], r.got
    for _ in range(9):
        await notifying.tell_support(tools)
    print(s.cards)
    x = await reads.dispute(OP, d.id)
    assert x.notification_status == "delivered"
    q = (
        """query($id:ID!){dispute(ref:{disputeId:"%s"}){publicStatus status mode changedAmount{minorUnits} publicReason attachments{mimeType} notification{status} adjustment{status}
      timeline{edges{node{name from to actor}}} allowedActions{name allowed why}}}"""
        % d.dispute_id
    )
    q = q.replace("($id:ID!)", "")
    for by in (Asker.of(Role.MERCHANT, "m", party="p"), make.operator):
        print(await api(q, by=by))
    print(await api("{disputeCounts{publicStatus status count}}", by=make.operator))
    print(
        [
            (e["name"], e["to_status"], e["version"])
            for e in await fetch(
                sql("select name,to_status,version from event where subject={} order by version", d.subject)
            )
        ]
    )
