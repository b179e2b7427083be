"""The merchants of a story: each is a party with a shop, under terms of its own, whose money goes to a wallet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

CURRENCY = "RUB"
FEE = "1/100"
REFUSED = "... on Refusal { code message }"
INSTITUTION = f"""mutation ($house: String!) {{ upsertPaymentInstitution(input: {{
  paymentInstitutionId: $house, name: "The house of the demo", accounts: [{{currency: "{CURRENCY}"}}]}}) {{
  __typename {REFUSED} }} }}"""
TERMS = f"""mutation ($code: String!, $timed: JSON!) {{ upsertTermSet(input: {{
  termSetId: $code, name: "Terms of the demo", timed: $timed}}) {{ __typename {REFUSED} }} }}"""
PARTY = f"""mutation ($code: String!, $name: String!) {{ upsertParty(input: {{partyId: $code, name: $name}}) {{
  __typename {REFUSED} }} }}"""
CONTRACT = f"""mutation ($code: String!, $house: String!) {{ upsertContract(input: {{
  partyId: $code, contractId: "demo", paymentInstitutionId: $house, termSetId: $code}}) {{ __typename {REFUSED} }} }}"""
TOOL = f"""mutation ($code: String!) {{ upsertPayoutTool(input: {{
  partyId: $code, contractId: "demo", payoutToolId: "wallet", currency: "{CURRENCY}",
  details: {{wallet: {{walletId: $code}}}}}}) {{ __typename {REFUSED} }} }}"""
SHOP = f"""mutation ($code: String!, $name: String!) {{ upsertShop(input: {{
  partyId: $code, shopId: "shop", name: $name, currency: "{CURRENCY}", category: 1, contractId: "demo",
  payoutToolId: "wallet"}}) {{ __typename {REFUSED} }} }}"""


def brought(code: str, name: str, house: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """What an operator asks for to bring a merchant, and the type of each answer: a hundredth of what is paid out is the fee."""
    settlement, payout, fees = "merchant_settlement", "merchant_payout", "system_settlement"
    postings = [
        {"source": settlement, "destination": payout, "volume": {"share": {"parts": "1/1"}}},
        {"source": payout, "destination": fees, "volume": {"share": {"parts": FEE}}, "details": "Payout fee"},
    ]
    timed = [{"terms": {"payouts": {"fees": {"value": postings}}}}]
    yield INSTITUTION, {"house": house}, "PaymentInstitution"
    yield TERMS, {"code": code, "timed": timed}, "TermSet"
    yield PARTY, {"code": code, "name": name}, "Party"
    yield CONTRACT, {"code": code, "house": house}, "Contract"
    yield TOOL, {"code": code}, "PayoutTool"
    yield SHOP, {"code": code, "name": name}, "Shop"
