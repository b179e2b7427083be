"""People through the API: what a front end sees."""

from __future__ import annotations

REFUSAL = "... on Refusal { __typename code retryable }"
UPSERT = f"""mutation ($input: UpsertPersonInput!) {{ upsertPerson(input: $input) {{
  ... on Person {{ number name version status identities {{ kind value }} }} {REFUSAL} }} }}"""
ADJUST = f"""mutation ($input: AdjustBalanceInput!) {{ adjustBalance(input: $input) {{
  ... on Person {{ version balances {{ available {{ amount currency }} held {{ amount }} version }} }} {REFUSAL} }} }}"""
BALANCE = """query ($person: PersonRef!) { balance(person: $person) {
  currency version available { amount minorUnits } held { amount }
  account { name balance { amount } entries { edges { node {
    operation version change { amount } own { amount } transfers { kind amount { amount } description source { name } }
  } } } } } }"""


async def test_an_operator_gives_money_and_the_person_reads_it_back_with_its_entries(api, make):
    person = await api(UPSERT, by=make.service, input={"externalId": "crm-7", "name": "Anna"})
    assert person == {
        "number": person["number"],
        "name": "Anna",
        "version": 0,
        "status": "ACTIVE",
        "identities": [{"kind": "EXTERNAL", "value": "crm-7"}],
    }
    adjusted = await api(
        ADJUST,
        by=make.operator,
        input={
            "person": {"externalId": "crm-7"},
            "money": {"amount": "10.50", "currency": "EUR"},
            "reason": "welcome",
            "idempotencyKey": "k1",
        },
    )
    assert adjusted["version"] == 1
    balances = await api(BALANCE, by=make.user(person["number"]), person={"number": person["number"]})
    assert [balance["currency"] for balance in balances] == ["RUB", "EUR", "USD", "USDT"]
    assert balances[1] == {
        "currency": "EUR",
        "version": 1,
        "available": {"amount": "10.50", "minorUnits": "1050"},
        "held": {"amount": "0.00"},
        "account": {
            "name": f"person:{person['number']}:available",
            "balance": {"amount": "10.50"},
            "entries": {
                "edges": [
                    {
                        "node": {
                            "operation": "POST",
                            "version": 1,
                            "change": {"amount": "10.50"},
                            "own": {"amount": "10.50"},
                            "transfers": [
                                {
                                    "kind": "adjustment",
                                    "amount": {"amount": "10.50"},
                                    "description": "welcome",
                                    "source": None,
                                }
                            ],
                        }
                    }
                ]
            },
        },
    }
