"""Which accounts each move of a pledge touches. Pure."""

from models.pledges.tables import Pledge

from models.ledger.chart import Account, Line, Policy, Side
from models.ledger.transfers import Transfer
from models.people.postings import available
from models.people.tables import owner

PLEDGED = Line(
    "pledge", "pledge:{}", Side.LIABILITY, Policy.FLOORED, "What one pledge holds.", held=True, ends_at_zero=True
)
HOLD, RELEASE = "pledge.hold", "pledge.release"


def pledged(pledge: Pledge) -> Account:
    return PLEDGED.account(pledge.id, pledge.currency, owner=owner(pledge.person_id))


def hold(pledge: Pledge) -> list[Transfer]:
    his = available(pledge.person_id, pledge.currency)
    return [Transfer(HOLD, his, pledged(pledge), pledge.amount, f"hold:pledge:{pledge.id}")]


def release(pledge: Pledge) -> list[Transfer]:
    his = available(pledge.person_id, pledge.currency)
    return [Transfer(RELEASE, pledged(pledge), his, pledge.amount, f"end:pledge:{pledge.id}")]
