"""What can be done with pledges."""

from __future__ import annotations

from models.pledges import postings
from models.pledges.errors import PLEDGE_NOT_FOUND
from models.pledges.lifecycle import LIFECYCLE
from models.pledges.reads import PledgeRecord
from models.pledges.tables import Pledge
from models.pledges.views import visible_to

from models.events.requests import Request
from models.kernel.money import Money
from models.kernel.refusals import CurrencyNotSupported, IllegalMove, InvalidAmount, NotAllowed, NotFound
from models.kernel.sql import sql
from models.kernel.viewer import Viewer
from models.ledger.errors import InsufficientFunds
from models.people.errors import PERSON_NOT_FOUND
from models.people.tables import Person
from models.people.views import visible_to as people_visible_to
from models.unit import Unit, operation


@operation(answers=PledgeRecord, refuses=(NotFound, InvalidAmount, CurrencyNotSupported, InsufficientFunds))
async def make(work: Unit, person: int, money: Money, *, by: Viewer, request: Request | None = None) -> Pledge:
    """Set money aside. Locks the person, then his accounts. Posts `hold`."""
    row = await work.lock(
        Person, sql("r.id = {}", person), visible_to=people_visible_to(by, "r.id"), code=PERSON_NOT_FOUND
    )
    pledge = Pledge(person_id=row.id, amount_minor=money.positive().minor, currency=money.currency)
    await work.open(pledge)
    await work.post(pledge, postings.hold(pledge))
    return pledge


@operation(answers=PledgeRecord, refuses=(NotFound, NotAllowed, IllegalMove))
async def keep(work: Unit, id: int, *, by: Viewer, request: Request | None = None) -> Pledge:
    """Give the money back. Locks the pledge, then its accounts. Posts `release`; the pledge ends at zero."""
    pledge = await work.lock(Pledge, sql("r.id = {}", id), visible_to=visible_to(by), code=PLEDGE_NOT_FOUND)
    move = LIFECYCLE.may(pledge, "keep", by)
    await work.post(pledge, postings.release(pledge))
    return await work.move(pledge, move)
