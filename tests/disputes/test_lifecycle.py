"""Every verb from every status by everybody: what the specification says, and what then happens. [spec/disputes §2.2]

What may be done is written here a second time, by hand: the lifecycle's table is compared with it.
"""

from __future__ import annotations

import pytest

from models.disputes import operations as disputes
from models.disputes.lifecycle import DISPUTES, DisputeStatus
from models.disputes.postings import Order
from models.kernel.clock import now
from models.kernel.refusals import Refusal
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role
from tests.disputes.filed import WORKER, confirmed, filed
from tests.disputes.world import MERCHANT, many
from tests.make import Asker

OPEN = ["CREATED", "PENDING", "MANUAL_PENDING", "ALREADY_EXIST_CREATED", "CREATE_ADJUSTMENT", "POOLING_EXPIRED"]
CLOSED = ["SUCCEEDED", "FAILED", "CANCELLED"]
STANDS = [*OPEN, *CLOSED, "SENT"]
"""SENT is CREATE_ADJUSTMENT of which billing was told."""
HUMAN = {"PENDING", "MANUAL_PENDING", "POOLING_EXPIRED"}
LEADS = {
    "approve": (HUMAN, "CREATE_ADJUSTMENT"),
    "settle": ({*HUMAN, "CREATE_ADJUSTMENT"}, "SUCCEEDED"),
    "bind": ({"ALREADY_EXIST_CREATED"}, "PENDING"),
    "resume": ({"POOLING_EXPIRED"}, "PENDING"),
    "cancel": ({*OPEN}, "CANCELLED"),
}
SYSTEM_LEADS = {
    "accept": ({"CREATED"}, "PENDING"),
    "find_existing": ({"CREATED"}, "ALREADY_EXIST_CREATED"),
    "escalate": ({"CREATED", "PENDING", "CREATE_ADJUSTMENT"}, "MANUAL_PENDING"),
    "confirm": ({"CREATED", "PENDING"}, "CREATE_ADJUSTMENT"),
    "expire": ({"PENDING"}, "POOLING_EXPIRED"),
    "step_back": ({"PENDING"}, "CREATED"),
    "succeed": ({*OPEN}, "SUCCEEDED"),
    "fail": ({*OPEN}, "FAILED"),
}
DEEDS = {
    "add_evidence": ({"merchant", "operator"}, None),
    "comment": ({"merchant", "operator"}, None),
    "update_messages": ({"operator"}, HUMAN),
    "resend_notification": ({"operator"}, {*CLOSED}),
    "want_notification": ({"system"}, None),
    "send_adjustment": ({"system"}, None),
    "call_for_attention": ({"system"}, {*OPEN}),
}
VERBS = [*LEADS, "add_evidence", "comment", "update_messages", "resend_notification"]
NOT_ALLOWED = "DISPUTE_STATUS_CHANGE_NOT_ALLOWED"
ASKERS = {
    "merchant": MERCHANT,
    "operator": Asker.of(Role.OPERATOR),
    "auditor": Asker.of(Role.AUDITOR),
    "service": Asker.of(Role.SERVICE),
    "user": Asker.of(Role.USER, person=1),
}
SEES = ("merchant", "operator", "auditor")
ACTIONS = "query ($ref: DisputeRef!) { dispute(ref: $ref) { allowedActions { name allowed why } } }"
READ = "query ($ref: DisputeRef!) { dispute(ref: $ref) { status version } }"
ADD = "mutation ($input: AddDisputeEvidenceInput!) { addDisputeEvidence(input: $input) { __typename ... on Refusal { code } } }"
SAY = "mutation ($input: CommentDisputeInput!) { commentDispute(input: $input) { __typename ... on Refusal { code } } }"
RESEND = """mutation ($input: ResendDisputeNotificationInput!) {
  resendDisputeNotification(input: $input) { __typename ... on Refusal { code } } }"""


def stands_at(stands: str) -> str:
    return "CREATE_ADJUSTMENT" if stands == "SENT" else stands


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


async def claimed(id: int, status: str):
    await fetch(sql("UPDATE dispute SET next_check_at = saldo_now() WHERE id = {} RETURNING 1", id))
    (one,) = await disputes.claim_due(DisputeStatus[status], limit=1, lease_seconds=60, by=WORKER)
    return one


async def standing(stands: str):
    """A dispute that stands so, of the merchant's; nobody is to be notified of it."""
    by = ASKERS["operator"].viewer
    dispute = await filed(MERCHANT.viewer)
    if stands in {"CREATE_ADJUSTMENT", "SENT"}:
        await confirmed(dispute)
    elif stands == "CANCELLED":
        await disputes.cancel(dispute.id, by=by)
    elif stands != "CREATED":
        one = await claimed(dispute.id, "CREATED")
        if stands in {"PENDING", "POOLING_EXPIRED"}:
            await disputes.accepted(one, "theirs", now(), disputes.NOTHING, by=WORKER)
        elif stands == "ALREADY_EXIST_CREATED":
            await disputes.exists(one, disputes.NOTHING, by=WORKER)
        elif stands == "FAILED":
            await disputes.declined(one, "no_transfer", None, by=WORKER)
        else:
            await disputes.escalated(one, technical="x", by=WORKER)
    if stands == "POOLING_EXPIRED":
        await disputes.expired(await claimed(dispute.id, "PENDING"), by=WORKER)
    if stands == "SUCCEEDED":
        await disputes.settle(dispute.id, by=by)
    if stands == "SENT":
        (job,) = await disputes.claim_jobs(limit=1, lease_seconds=60, by=WORKER)
        assert await disputes.begin_order(job, Order.CAPTURED, by=WORKER)
    return dispute


def refusal(stands: str, verb: str, asker: str) -> str | None:
    """The code with which `verb` is declined; None where it is done or is a repetition."""
    who = DEEDS[verb][0] if verb in DEEDS else {"operator"}
    if asker not in who:
        return "FORBIDDEN"
    status = stands_at(stands)
    if verb in LEADS:
        sources, target = LEADS[verb]
        if status == target:
            return None
        if status not in sources:
            return NOT_ALLOWED
        return "ADJUSTMENT_SENT" if stands == "SENT" and verb in {"settle", "cancel"} else None
    within = DEEDS[verb][1]
    if within is not None and status not in within:
        return NOT_ALLOWED
    if verb == "resend_notification":
        return "NOTIFICATION_NOT_FOUND"
    return "DISPUTE_CLOSED" if within is None and status in CLOSED else None


def offered(stands: str, verb: str, asker: str) -> str | None:
    """Why it is not offered: the same, and where it is there already that is no move either."""
    there = verb in LEADS and stands_at(stands) == LEADS[verb][1]
    return refusal(stands, verb, asker) or (NOT_ALLOWED if there else None)


async def done(make, verb: str, by: Asker, dispute) -> str | None:
    """The code with which it was declined, top-level or not."""
    ref = {"disputeId": str(dispute.dispute_id)}
    if verb == "approve":  # whoever asks for it asks the provider first
        if by.viewer.reads_everything and "operator" in by.viewer.roles:
            try:
                await disputes.approve(dispute.id, None, by=by.viewer)
            except Refusal as no:
                return no.code
            return None
        query, asked = many("approveDisputes"), {"items": [{"dispute": ref, "skipProviderCheck": False}]}
    elif verb == "add_evidence":
        if ASKERS["operator"] is by or by is MERCHANT:
            file = disputes.StoredFile(f"disputes/{by.viewer.subject}", "image/png", 48, "0" * 64)
            try:
                await disputes.add_evidence(dispute.id, [file], by=by.viewer)
            except Refusal as no:
                return no.code
            return None
        query, asked = ADD, {"dispute": ref, "attachments": []}
    elif verb == "comment":
        query, asked = SAY, {"dispute": ref, "text": "x"}
    elif verb == "resend_notification":
        query, asked = RESEND, {"dispute": ref}
    else:
        item, name = {"dispute": ref}, {"update_messages": "updateDisputeMessages", "settle": "approveDisputes"}
        item |= {"settle": {"skipProviderCheck": True}, "bind": {"providerDisputeId": "theirs"}}.get(verb, {})
        item |= {"update_messages": {"providerMessage": "x"}}.get(verb, {})
        query, asked = many(name.get(verb, f"{verb}Disputes")), {"items": [item]}
    answer = (await make.send(query, by=by, input=asked)).json()
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    (told,) = answer["data"].values()
    return (told[0] if isinstance(told, list) else told).get("code")


def test_the_lifecycle_is_the_table_of_the_specification():
    moves = {name: ({s.name for s in move.sources}, move.target.name) for name, move in DISPUTES.moves.items()}
    assert moves == LEADS | SYSTEM_LEADS
    assert {name: set(map(str, move.who)) for name, move in DISPUTES.moves.items()} == {
        **{key: {"operator"} for key in LEADS},
        **{key: {"system"} for key in SYSTEM_LEADS},
    }
    assert {end.name for end in DISPUTES.ends} == {*CLOSED}
    assert {
        name: (set(map(str, deed.who)), None if deed.to is None else {s.name for s in deed.to})
        for name, deed in DISPUTES.deeds.items()
    } == DEEDS


@pytest.mark.parametrize("stands", STANDS)
async def test_what_may_not_be_done_is_declined_by_the_right_code_and_writes_nothing(make, nothing_written, stands):
    dispute = await standing(stands)
    before = await make.ask(READ, by=make.operator, ref={"disputeId": str(dispute.dispute_id)})
    assert before["status"] == stands_at(stands)
    async with nothing_written():
        for verb in VERBS:
            for asker, by in ASKERS.items():
                expected = refusal(stands, verb, asker)
                repeated = verb in LEADS and stands_at(stands) == LEADS[verb][1]
                if expected is not None or repeated:
                    assert (verb, asker, await done(make, verb, by, dispute)) == (verb, asker, expected)


@pytest.mark.parametrize("asker", SEES)
@pytest.mark.parametrize("stands", STANDS)
async def test_what_is_offered_is_what_then_happens(make, nothing_written, stands, asker):
    dispute, by = await standing(stands), ASKERS[asker]
    ref = {"disputeId": str(dispute.dispute_id)}
    told = {one["name"]: one for one in (await make.ask(ACTIONS, by=by, ref=ref))["allowedActions"]}
    assert {*told} == {camel(verb) for verb in VERBS}
    for verb in VERBS:
        why = offered(stands, verb, asker)
        assert told[camel(verb)] == {"name": camel(verb), "allowed": why is None, "why": why}
    if asker == "merchant":
        assert {one["why"] for one in told.values()} <= {"FORBIDDEN", "DISPUTE_CLOSED", None}


@pytest.mark.parametrize(
    ("stands", "verb"), [(s, v) for s in STANDS for v in VERBS if offered(s, v, "operator") is None]
)
async def test_what_may_be_done_is_done(make, stands, verb):
    dispute = await standing(stands)
    ref = {"disputeId": str(dispute.dispute_id)}
    before = await make.ask(READ, by=make.operator, ref=ref)
    askers = [name for name in ASKERS if offered(stands, verb, name) is None]
    assert askers == (["merchant", "operator"] if verb in {"add_evidence", "comment"} else ["operator"])
    for count, asker in enumerate(askers, 1):
        assert await done(make, verb, ASKERS[asker], dispute) is None
        after = await make.ask(READ, by=make.operator, ref=ref)
        assert after["version"] == before["version"] + count
        assert after["status"] == (LEADS[verb][1] if verb in LEADS else before["status"])


async def test_whoever_is_to_be_notified_may_be_told_again_once_it_has_ended(make):
    dispute = await filed(MERCHANT.viewer, url="https://m.example/hook")
    ref = {"disputeId": str(dispute.dispute_id)}

    async def resending():
        told = (await make.ask(ACTIONS, by=make.operator, ref=ref))["allowedActions"]
        return next((one["allowed"], one["why"]) for one in told if one["name"] == "resendNotification")

    assert await resending() == (False, NOT_ALLOWED)
    await disputes.cancel(dispute.id, by=make.operator.viewer)
    assert await resending() == (True, None)
