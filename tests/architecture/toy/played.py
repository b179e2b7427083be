"""Runs inside the copy of the project that has the toy noun: the noun works like every other."""

from __future__ import annotations

from jobs.running import measured
from jobs.wiring import BODIES
from models.wiring import JOBS

MAKE = """mutation ($input: MakePledgeInput!) { makePledge(input: $input) {
  ... on Pledge { id status amount { amount } person { balances { currency available { amount } held { amount } } } }
  ... on Refusal { code } } }"""
KEEP = """mutation ($id: ID!) { keepPledge(input: {pledge: $id}) {
  ... on Pledge { status version } ... on Refusal { code } } }"""
KINDS = (
    "query ($n: Int!) { corrections(person: {number: $n}) { totalCount edges { node { kind amount { amount } } } } }"
)


async def test_the_toy_noun_plays(api, make, nothing_written):
    person = await make.person("10 EUR")
    user = make.user(person)
    asked = {"person": {"number": person.id}, "money": {"amount": "4", "currency": "EUR"}, "idempotencyKey": "k"}
    made = await api(MAKE, by=user, input=asked)
    assert (made["status"], made["amount"]) == ("OPEN", {"amount": "4.00"})
    assert made["person"]["balances"][1] == {
        "currency": "EUR",
        "available": {"amount": "6.00"},
        "held": {"amount": "4.00"},
    }
    async with nothing_written():
        assert (await api(MAKE, by=user, input=asked))["id"] == made["id"]
        short = {**asked, "idempotencyKey": "k2", "money": {"amount": "7", "currency": "EUR"}}
        assert await api(MAKE, by=user, input=short) == {"code": "INSUFFICIENT_FUNDS"}
        assert await api(KEEP, by=user, id=made["id"]) == {"code": "FORBIDDEN"}
    assert (await measured(JOBS["keep_pledges"], BODIES)).done == 1
    async with nothing_written():
        assert await api(KEEP, by=make.operator, id=made["id"]) == {"status": "KEPT", "version": 1}
    seen = await api(KINDS, by=user, n=person.id)
    assert [(e["node"]["kind"], e["node"]["amount"]["amount"]) for e in seen["edges"]] == [
        ("PLEDGE_RELEASE", "4.00"), ("PLEDGE_HOLD", "-4.00"), ("ADJUSTMENT", "10.00"),
    ]  # fmt: skip
    assert seen["totalCount"] == 3
