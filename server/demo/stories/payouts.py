"""A payout to a wallet that does not answer: it is asked what became of it, and the money leaves once."""

from __future__ import annotations

from typing import Any

from server.demo.merchants import CURRENCY
from server.demo.story import OPERATOR, Answer, Known, Step, Story

MERCHANT, EARNED, TOO_MUCH, AMOUNT = "Oak", "1000", "2000", "800"
EARN = """mutation ($party: String!, $money: MoneyInput!, $key: String!) {
  adjustShopBalance(input: {partyId: $party, shopId: "shop", money: $money, reason: "the demo", idempotencyKey: $key}) {
    __typename ... on Refusal { code message } } }"""
PREVIEW = """query ($party: String!, $money: MoneyInput!) {
  previewCashFlow(partyId: $party, shopId: "shop", money: $money) { amount { amount currency } fee { amount } } }"""
CREATE = """mutation ($party: String!, $money: MoneyInput!, $key: String!) {
  createPayout(input: {partyId: $party, shopId: "shop", money: $money, idempotencyKey: $key}) {
    __typename ... on Payout { payoutId status amount { amount currency } fee { amount } } ... on Refusal { code message } } }"""


def verb(name: str, more: str = "") -> str:
    return f"""mutation ($payout: String!, $key: String!) {{
  {name}(input: {{payout: {{payoutId: $payout}}, idempotencyKey: $key{more}}}) {{
    __typename ... on Payout {{ payoutId status deliveryStatus }} ... on Refusal {{ code message }} }} }}"""


def money(known: Known, amount: str) -> dict[str, Any]:
    return {"party": known[MERCHANT]["partyId"], "money": {"amount": amount, "currency": CURRENCY}}


def the_payout(known: Known) -> dict[str, Any]:
    return {"payout": known["payout"]["payoutId"]}


def gets(said: Answer) -> str:
    return "{} {} for the merchant, {} for the house".format(*said["amount"].values(), said["fee"]["amount"])


STORY = Story(
    "payout",
    "A merchant is paid out to a wallet that takes the money and does not answer.",
    cast=(),
    merchants=(MERCHANT,),
    watcher=MERCHANT,
    watches={"payoutChanged": "PayoutEvent"},
    steps=(
        Step(
            OPERATOR,
            f"books {EARNED} {CURRENCY} onto the shop of {MERCHANT}",
            EARN,
            lambda known: money(known, EARNED),
            {"__typename": "Shop"},
        ),
        Step(
            MERCHANT,
            f"asks what a payout of {AMOUNT} {CURRENCY} would be",
            PREVIEW,
            lambda known: money(known, AMOUNT),
            tells=gets,
        ),
        Step(
            MERCHANT,
            f"asks for {TOO_MUCH} {CURRENCY}",
            CREATE,
            lambda known: money(known, TOO_MUCH),
            {"code": "INSUFFICIENT_FUNDS"},
            lambda refusal: f"{refusal['code']}: {refusal['message']} Nothing was written.",
        ),
        Step(
            MERCHANT,
            f"asks for {AMOUNT} {CURRENCY}: the cash flow is held",
            CREATE,
            lambda known: money(known, AMOUNT),
            {"status": "UNPAID"},
            gets,
            keep="payout",
            pushed="open",
        ),
        Step(
            "sandbox",
            "will lose the wallet system's answer, once",
            outside="script",
            given=lambda _known: {"system": "wallets", "operation": "deposit", "outcome": "lost_answer"},
        ),
        Step(
            OPERATOR,
            "confirms it: the plan is committed, a delivery is queued",
            verb("confirmPayout"),
            the_payout,
            {"status": "CONFIRMED"},
            lambda payout: f"{payout['status']}, delivery {payout['deliveryStatus']}",
            pushed="queue_delivery",
        ),
        Step("worker", "sends it, under the payout's own key", pushed="send_delivery"),
        Step("worker", "gets no answer: it may have arrived, or not", pushed="lose_delivery"),
        Step("worker", "asks what became of the key, and hears that it has arrived", pushed="deliver"),
        Step(
            OPERATOR,
            "tries to take it back",
            verb("cancelPayout", ', details: "too late"'),
            the_payout,
            {"code": "PAYOUT_STATUS_CHANGE_NOT_ALLOWED"},
            lambda refusal: f"{refusal['code']}: what went to a wallet does not come back",
        ),
    ),
)
