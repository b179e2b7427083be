"""What a viewer may do is said before he tries, by the rules that would refuse him."""

from __future__ import annotations

OPEN = """mutation ($k: String!) { createLedgerAccount(input: {currency: "EUR", idempotencyKey: $k}) {
  ... on LedgerAccount { id } } }"""
PLAN = "... on LedgerPlan { id state allowedActions { name allowed why } }"
HOLD = f"mutation ($i: HoldPlanInput!) {{ holdPlan(input: $i) {{ {PLAN} }} }}"
ROLLBACK = f"mutation ($i: FinishPlanInput!) {{ rollbackPlan(input: $i) {{ {PLAN} }} }}"


def actions(allowed: bool, why: str | None) -> list[dict]:
    return [{"name": name, "allowed": allowed, "why": why} for name in ("hold", "commit", "rollback")]


async def test_a_plan_can_be_touched_by_its_owner_while_it_holds(api, make):
    a, b = [(await api(OPEN, by=make.service, k=key))["id"] for key in "ab"]
    batch = {"id": "1", "postings": [{"source": a, "target": b, "money": {"amount": "1", "currency": "EUR"}}]}
    held = await api(HOLD, by=make.service, i={"planId": "p", "batch": batch})
    assert held["allowedActions"] == actions(True, None)
    seen = await api(f"query ($id: ID!) {{ node(id: $id) {{ {PLAN} }} }}", by=make.operator, id=held["id"])
    assert seen["allowedActions"] == actions(False, "FORBIDDEN")
    ended = await api(ROLLBACK, by=make.service, i={"planId": "p", "batches": [batch]})
    assert (ended["state"], ended["allowedActions"]) == ("ROLLBACK", actions(False, "PLAN_STATE"))


async def test_a_person_can_be_adjusted_by_operators_alone(api, make):
    person = await make.person()
    query = "query ($n: Int!) { person(ref: {number: $n}) { allowedActions { name allowed why } } }"
    for by, adjust in ((make.operator, (True, None)), (make.user(person), (False, "FORBIDDEN"))):
        told = {a["name"]: (a["allowed"], a["why"]) for a in (await api(query, by=by, n=person.id))["allowedActions"]}
        assert told["adjust"] == adjust
