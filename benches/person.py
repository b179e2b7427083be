"""One person with balances through GraphQL over HTTP, one API process, against a bare endpoint with the same SQL.

The bare endpoint (floor.py) is Starlette, asyncpg and orjson under the same server: it reads the same rows by the same
two statements and answers the same JSON to the letter, which is compared before anything is measured. The ceiling of
the load generator against a socket that always answers the same shows that it is not what is measured.
"""

from __future__ import annotations

from benches.measure import Group, Pace
from benches.query import Query, against_floor
from benches.world import PERSONS, World

PERSON = Query(
    name="person",
    about="person with balances",
    document="""query ($number: Int!) { person(ref: {number: $number}) {
  number name version balances { currency available { amount } held { amount } } } }""",
    variables={"number": "@NUMBER@"},
    wanted='"available":{"amount":"10000.00"}',
    numbers=(1, PERSONS // 2, PERSONS),
    at_least=0.18,
)


async def run(world: World, pace: Pace) -> Group:
    return await against_floor(PERSON, (__doc__ or "").splitlines()[0], world, pace)
