"""Deals wherever they can stand, everybody who may ask about them, and what the specification says of each. [spec/deals §2]

What may be done is written here a second time, by hand: the lifecycle's table is compared with it.
"""

from __future__ import annotations

from models.deals import operations as deals
from models.deals.lifecycle import Resolution
from models.deals.reads import DealRecord
from models.kernel.money import Money
from models.kernel.sql import fetch, sql
from tests.deals.asking import CANCEL, CLOSE, CONFIRM, DECIDE, DENY, DISPUTE
from tests.make import Asker, Make, amount

CONFIRMED = ("pay", "confirm")
DISPUTED = (*CONFIRMED, "open_dispute")
WAYS = {
    "CREATED": (),
    "WAITING_FOR_PAYMENT": ("confirm",),
    "CONFIRM_PERFORMER": CONFIRMED,
    "DISPUTED": DISPUTED,
    "DENY_PERFORMER": ("deny",),
    "CANCELLED": ("cancel",),
    "CLOSE": (*CONFIRMED, "close"),
    "ARB_CLOSE_PERFORMER": (*DISPUTED, "close_for_performer"),
    "ARB_CLOSE_CUSTOMER": (*DISPUTED, "close_for_customer"),
    "ARB_CLOSE_SPLIT": (*DISPUTED, "close_by_split"),
}
"""How a deal comes to stand where it does; DISPUTED is CONFIRM_PERFORMER with an open dispute."""

WHO = {
    "confirm": {"performer"},
    "deny": {"performer"},
    "cancel": {"customer"},
    "close": {"customer", "operator"},
    "open_dispute": {"customer", "performer"},
    "close_for_performer": {"operator"},
    "close_for_customer": {"operator"},
    "close_by_split": {"operator"},
}
CLOSINGS = ("close_for_performer", "close_for_customer", "close_by_split")
USERS = {"customer", "performer", "stranger"}
OPEN_TO = dict.fromkeys(WHO, USERS) | {"close": USERS | {"operator"}} | {name: {"operator"} for name in CLOSINGS}
"""For whom the mutation is at all."""
LEADS = {
    ("CREATED", "confirm"): "WAITING_FOR_PAYMENT",
    ("CREATED", "deny"): "DENY_PERFORMER",
    ("CREATED", "cancel"): "CANCELLED",
    ("WAITING_FOR_PAYMENT", "cancel"): "CANCELLED",
    ("CONFIRM_PERFORMER", "close"): "CLOSE",
    ("CONFIRM_PERFORMER", "open_dispute"): "DISPUTED",
    ("DISPUTED", "close_for_performer"): "ARB_CLOSE_PERFORMER",
    ("DISPUTED", "close_for_customer"): "ARB_CLOSE_CUSTOMER",
    ("DISPUTED", "close_by_split"): "ARB_CLOSE_SPLIT",
}
"""Where a verb leads while the customer has no money."""
REPEATS = {
    ("WAITING_FOR_PAYMENT", "confirm"),
    ("CONFIRM_PERFORMER", "confirm"),
    ("DISPUTED", "confirm"),
    ("DENY_PERFORMER", "deny"),
    ("CANCELLED", "cancel"),
    ("CLOSE", "close"),
    ("ARB_CLOSE_PERFORMER", "close_for_performer"),
    ("ARB_CLOSE_CUSTOMER", "close_for_customer"),
    ("ARB_CLOSE_SPLIT", "close_by_split"),
}
"""The deal is there already: it is answered, nothing is written."""
PART = "30"


def refusal(stands: str, verb: str, asker: str) -> str | None:
    """The code with which `verb` is declined; None where it is done or is a repetition."""
    if asker not in OPEN_TO[verb]:
        return "FORBIDDEN"
    if asker == "stranger":
        return "DEAL_NOT_FOUND"
    if asker not in WHO[verb]:
        return "FORBIDDEN" if "operator" in WHO[verb] else "NOT_PARTICIPANT"
    if (stands, verb) in LEADS or (stands, verb) in REPEATS:
        return None
    if verb == "open_dispute":
        return "DEAL_DISPUTE_ALREADY_CREATED" if stands == "DISPUTED" else "DEAL_DISPUTE_CREATE_NOT_ALLOWED"
    if verb in CLOSINGS and stands.startswith("ARB_CLOSE"):
        return "DEAL_DISPUTE_ALREADY_CLOSED"
    if verb in CLOSINGS and stands != "DISPUTED":
        return "DEAL_DISPUTE_DOES_NOT_EXIST"
    return "DEAL_HAS_OPEN_DISPUTE" if (stands, verb) == ("DISPUTED", "close") else "DEAL_STATUS_CHANGE_NOT_ALLOWED"


def status(stands: str) -> str:
    return "CONFIRM_PERFORMER" if stands == "DISPUTED" else stands


QUERIES = {
    "confirm": (CONFIRM, {}),
    "deny": (DENY, {}),
    "cancel": (CANCEL, {}),
    "close": (CLOSE, {}),
    "open_dispute": (DISPUTE, {}),
    "close_for_performer": (DECIDE, {"for": "PERFORMER"}),
    "close_for_customer": (DECIDE, {"for": "CUSTOMER"}),
    "close_by_split": (DECIDE, {"for": "SPLIT", "part": PART}),
}
"""How a verb is asked for."""


async def offered(make: Make, price: str = "100 USDT", **more) -> DealRecord:
    """A deal that a service offers for a customer."""
    customer, performer = await make.person(name="Customer"), await make.person(name="Performer")
    return await deals.offer(offer(customer.id, performer.id, price, **more), by=make.service.viewer)


def offer(customer: int, performer: int, price: str, **more) -> deals.Offer:
    return deals.Offer(customer, performer, "A title", "What is to be done", *amount(price), **more)


async def standing(make: Make, stands: str) -> DealRecord:
    """A deal of 100 USDT that stands so."""
    deal = await offered(make)
    for step in WAYS[stands]:
        deal = await done(make, deal, step)
    return deal


async def done(make: Make, deal: DealRecord, verb: str) -> DealRecord:
    """The deal after `verb` by somebody who may do it; `pay`: its customer gets what it costs."""
    customer, performer, operator = make.user(deal.customer_id), make.user(deal.performer_id), make.operator
    match verb:
        case "pay":
            await make.adjust(await make.read(deal.customer_id), str(deal.price))
            return deal
        case "confirm":
            return await deals.confirm(deal.id, by=performer.viewer)
        case "deny":
            return await deals.deny(deal.id, by=performer.viewer)
        case "cancel":
            return await deals.cancel(deal.id, by=customer.viewer)
        case "close":
            return await deals.close(deal.id, by=customer.viewer)
        case "open_dispute":
            return await deals.open_dispute(deal.id, "Not done", "Nothing came", by=customer.viewer)
        case "close_for_performer":
            return await deals.close_dispute(deal.id, Resolution.PERFORMER, by=operator.viewer)
        case "close_for_customer":
            return await deals.close_dispute(deal.id, Resolution.CUSTOMER, by=operator.viewer)
        case "close_by_split":
            share = deal.price.amount * 3 / 10
            return await deals.close_dispute(deal.id, Resolution.SPLIT, share, by=operator.viewer)
    raise ValueError(verb)


def askers(make: Make, deal: DealRecord, stranger: int) -> dict[str, Asker]:
    return {
        "customer": make.user(deal.customer_id),
        "performer": make.user(deal.performer_id),
        "operator": make.operator,
        "stranger": make.user(stranger),
        "service": make.service,
        "other service": make.other_service,
        "auditor": make.auditor,
    }


async def books(make: Make, deal: DealRecord) -> tuple[str, str, str]:
    """What the customer has, what the escrow holds, what the performer has."""
    currency = deal.price.currency
    rows = await fetch(sql("SELECT own FROM ledger_account WHERE name = {}", f"deal:{deal.id}:escrow"))
    held = Money(rows[0]["own"] if rows else 0, currency)
    sides = [await make.available(person, currency) for person in (deal.customer_id, deal.performer_id)]
    return tuple(f"{one.amount:.2f}" for one in (sides[0], held, sides[1]))  # type: ignore[return-value]


async def last_event(deal: DealRecord) -> tuple[str, str | None, str | None, int, str]:
    """Name, from, to, version and the role of whoever did it."""
    (row,) = await fetch(
        sql(
            """SELECT name, from_status, to_status, version, actor_role FROM event WHERE subject = {}
                ORDER BY version DESC LIMIT 1""",
            deal.subject,
        )
    )
    return tuple(row)  # type: ignore[return-value]
