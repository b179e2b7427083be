"""A page of 50 ledger accounts, ten fields each, through GraphQL over HTTP, against a bare endpoint with the same SQL.

Like person.py, where what counts is the request; here it is each item. Another list is measured by another `Query` here
and another floor beside `AccountsFloor`.
"""

from __future__ import annotations

from benches.floor import KIND, PAGE
from benches.measure import Group, Pace
from benches.query import Query, against_floor
from benches.world import World

ACCOUNTS = Query(
    name="page",
    about=f"a page of {PAGE} ledger accounts",
    document="""query ($first: Int!, $kind: String!) { ledgerAccounts(first: $first, filter: {kind: $kind}) {
  edges { node { id name kind side owner version createdAt balance { amount currency minorUnits }
                 own { amount } maxAvailable { amount } } }
  pageInfo { hasNextPage endCursor } } }""",
    variables={"first": PAGE, "kind": KIND},
    wanted='"balance":{"amount":"10000.00"',
    at_least=0.20,
)


async def run(world: World, pace: Pace) -> Group:
    return await against_floor(ACCOUNTS, (__doc__ or "").splitlines()[0], world, pace)
