"""One party with all that belongs to it, brought through the API; and how it is brought and asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.kernel.sql import fetch, sql
from models.parties.reads.records import read_json
from tests.make import Make
from tests.payouts.shops import BANK, terms

BANK_INPUT = {
    "account": BANK["account"],
    "bankName": BANK["bank_name"],
    "bankPostAccount": BANK["bank_post_account"],
    "bankBik": BANK["bank_bik"],
}
OTHER_BANK = BANK_INPUT | {"account": "40702810400000054321"}
GIVEN: dict[str, dict[str, Any]] = {
    "upsertPaymentInstitution": {
        "paymentInstitutionId": "house",
        "name": "The house",
        "accounts": [{"currency": "RUB"}, {"currency": "EUR", "subagent": True}],
        "criteria": {"large": {"cost_in": {"lower": {"inclusive": {"amount": "100.00", "currency": "RUB"}}}}},
    },
    "upsertTermSet": {"termSetId": "t", "name": "Terms", "timed": terms()},
    "upsertParty": {"partyId": "p", "name": "Party p"},
    "upsertContract": {
        "partyId": "p",
        "contractId": "c",
        "paymentInstitutionId": "house",
        "termSetId": "t",
        "adjustments": [{"adjustmentId": "a", "termSetId": "t", "validUntil": "2027-01-01T00:00:00Z"}],
    },
    "upsertPayoutTool": {
        "partyId": "p",
        "contractId": "c",
        "payoutToolId": "own",
        "currency": "RUB",
        "details": {"russianBankAccount": BANK_INPUT},
    },
    "upsertShop": {
        "partyId": "p",
        "shopId": "s",
        "name": "A shop",
        "currency": "RUB",
        "category": 1,
        "contractId": "c",
        "payoutToolId": "own",
        "location": "https://shop.example",
    },
}
"""What is said of each, in the order in which one rests on the others."""
NOUNS = list(GIVEN)
TABLES = dict(zip(NOUNS, ("payment_institution", "term_set", "party", "contract", "payout_tool", "shop"), strict=True))
CODES = dict(
    zip(
        NOUNS,
        ("paymentInstitutionId", "termSetId", "partyId", "contractId", "payoutToolId", "shopId"),
        strict=True,
    )
)
"""The field that says which one is meant."""
SHOWN = {
    "upsertPaymentInstitution": """... on PaymentInstitution { paymentInstitutionId name criteria
      accounts { currency settlement { name } subagent { name } } }""",
    "upsertTermSet": "... on TermSet { termSetId name timed parent { termSetId } }",
    "upsertParty": "... on Party { partyId name status suspended reason }",
    "upsertContract": """... on Contract { contractId status validSince validUntil terms { termSetId }
      paymentInstitution { paymentInstitutionId }
      adjustments { adjustmentId createdAt validSince validUntil terms { termSetId } } }""",
    "upsertPayoutTool": """... on PayoutTool { payoutToolId kind currency
      destination { kind account bankName bankPostAccount bankBik iban number bic walletId } }""",
    "upsertShop": """... on Shop { shopId partyId name location category currency status suspended reason
      contract { contractId } payoutTool { payoutToolId }
      settlement { name balance { amount } } guarantee { name balance { amount } } payout { name balance { amount } } }""",
}
REFUSED = "... on Refusal { code message } ... on InvalidInput { fields { path message } }"


def mutation(name: str, kind: str, shown: str) -> str:
    return f"""mutation ($input: {kind}!) {{ {name}(input: $input) {{
      __typename ... on Node {{ id version }} {shown} {REFUSED} }} }}"""


UPSERTS = {name: mutation(name, f"{name[0].upper()}{name[1:]}Input", shown) for name, shown in SHOWN.items()}


def said(name: str, /, **more: Any) -> dict[str, Any]:
    """What is said of one, but for some of it."""
    return GIVEN[name] | more


async def bring(make: Make, name: str, /, **more: Any) -> Any:
    """Bring one, or change it."""
    return await make.ask(UPSERTS[name], by=make.operator, input=said(name, **more))


def below(name: str) -> Iterator[str]:
    """Those that one rests on."""
    return iter(NOUNS[: NOUNS.index(name)])


async def built(make: Make, upto: str | None = None) -> dict[str, Any]:
    """All of them, or those that one rests on, as they were answered."""
    names = NOUNS if upto is None else list(below(upto))
    answers = {name: await bring(make, name) for name in names}
    assert [one["version"] for one in answers.values()] == [0] * len(names)
    return answers


async def events_of(name: str, code: str | None = None) -> list[tuple[str, int]]:
    """The events of one, and the version that each made."""
    table = TABLES[name]
    rows = await fetch(
        sql(
            f"""SELECT e.name, e.version FROM event e JOIN {table} r ON e.subject = '{table}:' || r.id
                 WHERE r.code = {{}} ORDER BY e.version""",
            code or GIVEN[name][CODES[name]],
        )
    )
    return [(row["name"], row["version"]) for row in rows]


async def facts_of(name: str) -> Any:
    """What the last event of one noted beside."""
    table = TABLES[name]
    query = f"""SELECT e.facts FROM event e JOIN {table} r ON e.subject = '{table}:' || r.id
                 WHERE r.code = {{}} ORDER BY e.version DESC LIMIT 1"""
    return read_json((await fetch(sql(query, GIVEN[name][CODES[name]])))[0]["facts"])


def paths(answer: Any) -> list[str]:
    """The fields that were refused."""
    assert answer["__typename"] == "InvalidInput", answer
    return [field["path"] for field in answer["fields"]]
