"""Every verb from every status by everybody: what the lifecycle's table says, what the specification says, what happens."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from models.deals.lifecycle import LIFECYCLE, DealStatus, DisputeStatus
from models.kernel.lifecycle import AlreadyThere
from models.kernel.refusals import Refusal
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role, Viewer
from tests.deals.asking import verb
from tests.deals.situations import (
    CLOSINGS,
    LEADS,
    OPEN_TO,
    QUERIES,
    REPEATS,
    WAYS,
    WHO,
    askers,
    books,
    done,
    last_event,
    offered,
    refusal,
    standing,
    status,
)

MOVES = {
    ("confirm", "CREATED", "CONFIRM_PERFORMER", "performer"),
    ("confirm", "WAITING_FOR_PAYMENT", "CONFIRM_PERFORMER", "performer"),
    ("wait", "CREATED", "WAITING_FOR_PAYMENT", "performer"),
    ("promote", "WAITING_FOR_PAYMENT", "CONFIRM_PERFORMER", "system"),
    ("deny", "CREATED", "DENY_PERFORMER", "performer"),
    ("cancel", "CREATED", "CANCELLED", "customer"),
    ("cancel", "WAITING_FOR_PAYMENT", "CANCELLED", "customer"),
    ("expire", "CREATED", "CANCELLED", "system"),
    ("expire", "WAITING_FOR_PAYMENT", "CANCELLED", "system"),
    ("close", "CONFIRM_PERFORMER", "CLOSE", "customer"),
    ("close", "CONFIRM_PERFORMER", "CLOSE", "operator"),
    ("close_for_performer", "CONFIRM_PERFORMER", "ARB_CLOSE_PERFORMER", "operator"),
    ("close_for_customer", "CONFIRM_PERFORMER", "ARB_CLOSE_CUSTOMER", "operator"),
    ("close_by_split", "CONFIRM_PERFORMER", "ARB_CLOSE_SPLIT", "operator"),
}
FINAL = {"DENY_PERFORMER", "CANCELLED", "CLOSE", "ARB_CLOSE_PERFORMER", "ARB_CLOSE_CUSTOMER", "ARB_CLOSE_SPLIT"}
VIEWERS = {
    "customer": Viewer("c", frozenset({Role.USER}), person=1),
    "performer": Viewer("p", frozenset({Role.USER}), person=2),
    "operator": Viewer("o", frozenset({Role.OPERATOR})),
}
ACTIONS = "query ($n: Int!) { deal(ref: {number: $n}) { version allowedActions { name allowed why } } }"
NAMES = {name: name.split("_")[0] + "".join(word.title() for word in name.split("_")[1:]) for name in WHO}


def test_the_lifecycle_is_the_table_of_the_specification():
    said = {
        (name, source.name, move.target.name, str(who))
        for name, move in LIFECYCLE.moves.items()
        for source in move.sources
        for who in move.who
    }
    assert said == MOVES
    assert {end.name for end in LIFECYCLE.ends} == FINAL
    assert {name: (set(map(str, deed.who)), {s.name for s in deed.to}) for name, deed in LIFECYCLE.deeds.items()} == {
        "open_dispute": ({"customer", "performer"}, {"CONFIRM_PERFORMER"}),
        "note_overdue": ({"system"}, {"CONFIRM_PERFORMER"}),
    }


@pytest.mark.parametrize("stands", WAYS)
def test_the_lifecycle_judges_as_the_specification_does(stands):
    dispute = {"DISPUTED": DisputeStatus.OPEN}.get(
        stands, DisputeStatus.CLOSED if stands.startswith("ARB_CLOSE") else None
    )
    row = SimpleNamespace(status=DealStatus[status(stands)], customer_id=1, performer_id=2, dispute_status=dispute)
    for asker, viewer in VIEWERS.items():
        for name in WHO:
            if asker not in WHO[name]:
                expected = "FORBIDDEN" if "operator" in WHO[name] else "NOT_PARTICIPANT"
            elif (stands, name) in REPEATS and stands != "WAITING_FOR_PAYMENT":
                expected = "there"
            elif name in CLOSINGS and stands.startswith("ARB_CLOSE"):
                expected = "DEAL_STATUS_CHANGE_NOT_ALLOWED"  # the verb knows more: it was decided in another way
            else:
                expected = refusal(stands, name, asker)
            assert (stands, name, asker, judged(row, name, viewer)) == (stands, name, asker, expected)


def judged(row, name, viewer):
    try:
        LIFECYCLE.may(row, name, viewer)
    except AlreadyThere:
        return "there"
    except Refusal as no:
        return no.code
    return None


async def asked(make, name, asker, deal, **more):
    """The status that `name` led to or left, or the code with which it was declined, top-level or not."""
    query, variables = QUERIES[name]
    answer = (await make.send(query, by=asker, n=deal.id, **variables, **more)).json()
    if "errors" in answer:
        return answer["errors"][0]["extensions"]["code"], None
    (told,) = answer["data"].values()
    return told.get("code"), told


@pytest.mark.parametrize("stands", WAYS)
async def test_what_may_not_be_done_is_declined_by_the_right_code_and_writes_nothing(
    make, api, nothing_written, stands
):
    deal, stranger = await standing(make, stands), await make.person()
    everybody = askers(make, deal, stranger.id)
    refused = [(v, a) for v in WHO for a in everybody if (stands, v) not in LEADS or a not in WHO[v]]
    async with nothing_written():
        for name, asker in refused:
            code, told = await asked(make, name, everybody[asker], deal)
            assert (name, asker, code) == (name, asker, refusal(stands, name, asker))
            if code is None:
                assert (told["number"], told["status"], told["version"]) == (deal.id, status(stands), deal.version)
            if code == "DEAL_STATUS_CHANGE_NOT_ALLOWED":
                onward = {move for move, source, *_ in MOVES if source == status(stands) and move != "wait"}
                assert (told["currentStatus"], set(told["allowed"])) == (status(stands), onward)
        for name in WHO:
            assert (await asked(make, name, None, deal))[0] == "UNAUTHENTICATED"


@pytest.mark.parametrize("stands", WAYS)
async def test_allowed_actions_say_what_then_happens(make, api, nothing_written, stands):
    deal, stranger = await standing(make, stands), await make.person()
    everybody = askers(make, deal, stranger.id)
    for unseen in ("stranger", "other service"):
        told = await make.error(ACTIONS, by=everybody.pop(unseen), n=deal.id)
        assert told == {"code": "DEAL_NOT_FOUND", "status": 404}
    async with nothing_written():
        for asker, by in everybody.items():
            told = {a["name"]: a for a in (await api(ACTIONS, by=by, n=deal.id))["allowedActions"]}
            assert set(told) == set(NAMES.values())
            for name in WHO:
                action = told[NAMES[name]]
                waits = (stands, name) == ("WAITING_FOR_PAYMENT", "confirm")  # allowed, and tries the money again
                may = asker in WHO[name] and ((stands, name) in LEADS or waits)
                assert (asker, name, action["allowed"], action["why"] is None) == (asker, name, may, may)
                if not may and asker in OPEN_TO[name]:
                    code, _ = await asked(make, name, by, deal)
                    told_better = code in (None, "DEAL_DISPUTE_ALREADY_CLOSED")  # there already, in this way or another
                    expected = "DEAL_STATUS_CHANGE_NOT_ALLOWED" if told_better else code
                    assert (asker, name, action["why"]) == (asker, name, expected)
                if not may and asker not in OPEN_TO[name]:
                    assert action["why"] in ("FORBIDDEN", "NOT_PARTICIPANT")


HAPPENS = [
    # stands, paid, verb, asker, event, status, customer, escrow, performer
    ("CREATED", False, "confirm", "performer", "wait", "WAITING_FOR_PAYMENT", "0.00", "0.00", "0.00"),
    ("CREATED", True, "confirm", "performer", "confirm", "CONFIRM_PERFORMER", "0.00", "100.00", "0.00"),
    ("CREATED", True, "deny", "performer", "deny", "DENY_PERFORMER", "100.00", "0.00", "0.00"),
    ("CREATED", True, "cancel", "customer", "cancel", "CANCELLED", "100.00", "0.00", "0.00"),
    ("WAITING_FOR_PAYMENT", True, "confirm", "performer", "confirm", "CONFIRM_PERFORMER", "0.00", "100.00", "0.00"),
    ("WAITING_FOR_PAYMENT", True, "cancel", "customer", "cancel", "CANCELLED", "100.00", "0.00", "0.00"),
    ("CONFIRM_PERFORMER", False, "close", "customer", "close", "CLOSE", "0.00", "0.00", "100.00"),
    ("CONFIRM_PERFORMER", True, "close", "operator", "close", "CLOSE", "100.00", "0.00", "100.00"),
    ("CONFIRM_PERFORMER", False, "open_dispute", "customer", "open_dispute", "DISPUTED", "0.00", "100.00", "0.00"),
    ("CONFIRM_PERFORMER", False, "open_dispute", "performer", "open_dispute", "DISPUTED", "0.00", "100.00", "0.00"),
    ("DISPUTED", False, CLOSINGS[0], "operator", CLOSINGS[0], "ARB_CLOSE_PERFORMER", "0.00", "0.00", "100.00"),
    ("DISPUTED", False, CLOSINGS[1], "operator", CLOSINGS[1], "ARB_CLOSE_CUSTOMER", "100.00", "0.00", "0.00"),
    ("DISPUTED", False, CLOSINGS[2], "operator", CLOSINGS[2], "ARB_CLOSE_SPLIT", "70.00", "0.00", "30.00"),
]


def test_whatever_may_be_done_is_tried():
    tried = {(stands, name, asker) for stands, _, name, asker, *_ in HAPPENS}
    legal = {(stands, name, asker) for stands, name in LEADS for asker in WHO[name]}
    assert tried == legal | {("WAITING_FOR_PAYMENT", "confirm", "performer")}


@pytest.mark.parametrize(("stands", "paid", "name", "asker", "event", "then", "customer", "held", "performer"), HAPPENS)
async def test_what_may_be_done_moves_the_deal_its_money_and_its_log(
    make, nothing_written, stands, paid, name, asker, event, then, customer, held, performer
):
    deal, stranger = await standing(make, stands), await make.person()
    if paid:
        await done(make, deal, "pay")
    by = askers(make, deal, stranger.id)[asker]
    code, told = await asked(make, name, by, deal)
    assert (code, told["status"], told["version"]) == (None, status(then), deal.version + 1)
    assert told["hasOpenDispute"] is (then == "DISPUTED")
    assert await books(make, deal) == (customer, held, performer)
    role = asker
    before, after = status(stands).lower(), status(then).lower()
    assert await last_event(deal) == (event, before, after, deal.version + 1, role)
    if name != "open_dispute":
        async with nothing_written():
            code, again = await asked(make, name, by, deal)
            assert (code, again) == (None, told)


async def test_a_confirmation_without_money_leaves_no_account_behind(make, nothing_written):
    deal = await standing(make, "WAITING_FOR_PAYMENT")
    assert await fetch(sql("SELECT name FROM ledger_account")) == []
    async with nothing_written():
        code, told = await asked(make, "confirm", make.user(deal.performer_id), deal)
    assert (code, told["waitingFor"]) == (None, {"shortfall": {"amount": "100.000000"}})


async def test_a_deal_takes_all_that_it_needs_at_the_last_unit(make, database):
    deal = await offered(make, "0.000001 USDT")
    assert (await asked(make, "confirm", make.user(deal.performer_id), deal))[1]["status"] == "WAITING_FOR_PAYMENT"
    await make.adjust(await make.read(deal.customer_id), "0.000001 USDT")
    assert (await asked(make, "confirm", make.user(deal.performer_id), deal))[1]["status"] == "CONFIRM_PERFORMER"
    assert (await asked(make, "close", make.user(deal.customer_id), deal))[1]["status"] == "CLOSE"
    assert str(await make.available(deal.performer_id, "USDT")) == "0.000001 USDT"


async def test_the_fee_of_a_split_is_taken_in_proportion(make, database, knobs):
    knobs(deal_fee_bps=100)
    deal = await offered(make, "10 EUR")
    for step in ("pay", "confirm", "open_dispute"):
        await done(make, deal, step)
    more = verb("closeDealDispute", given=', inFavourOf: SPLIT, performerAmount: "9.99"')
    told = await make.ask(more, by=make.operator, n=deal.id)
    assert told["dispute"]["performerAmount"] == {"amount": "9.99"}
    assert await books(make, deal) == ("0.01", "0.00", "9.90")
