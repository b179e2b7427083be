"""A page of 50 deals, ten fields each, through GraphQL over HTTP, against a bare endpoint with the same SQL.

Like person.py, where what counts is the request; here it is each item. Another list is measured by another `Query` here
and another floor beside `DealsFloor`.
"""

from __future__ import annotations

from benches.floor import PAGE
from benches.measure import Group, Pace
from benches.query import Query, against_floor
from benches.world import World

DEALS = Query(
    name="page",
    about=f"a page of {PAGE} deals",
    document="""query ($first: Int!, $currency: CurrencyCode!) { deals(first: $first, filter: {currency: $currency}) {
  edges { node { id number title status version createdAt hasOpenDispute overdue
                 price { amount currency } customer { number } } }
  pageInfo { hasNextPage endCursor } } }""",
    variables={"first": PAGE, "currency": "EUR"},
    wanted='"status":"CREATED"',
    at_least=0.20,
)


async def run(world: World, pace: Pace) -> Group:
    await world.deals(1, 10_000)
    return await against_floor(DEALS, (__doc__ or "").splitlines()[0], world, pace)
