"""A deal that waits for money, is paid with coins, disputed, and split; meanwhile the coins go to the main wallet."""

from __future__ import annotations

from typing import Any

from server.demo.story import OPERATOR, Answer, Known, Step, Story

CURRENCY, PRICE, AT_FIRST, FOR_BORIS = "USDT", "100", "40", "70"

ADJUST = """mutation ($person: Int!, $money: MoneyInput!, $key: String!) {
  adjustBalance(input: {person: {number: $person}, money: $money, reason: "the demo", idempotencyKey: $key}) {
    __typename ... on Person { name } ... on Refusal { code message } } }"""
OFFER = """mutation ($customer: Int!, $performer: Int!, $price: MoneyInput!, $key: String!) {
  createDeal(input: {customer: {number: $customer}, performer: {number: $performer}, title: "A website",
                     description: "Three pages", price: $price, idempotencyKey: $key}) {
    __typename ... on Deal { number status } ... on Refusal { code message } } }"""


PAY = """mutation ($person: Int!, $gateway: String!, $money: MoneyInput!, $key: String!) {
  createPayment(input: {person: {number: $person}, gateway: $gateway, money: $money, idempotencyKey: $key}) {
    __typename
    ... on Payment { number status amount { amount currency } gatewayData { network address uri account reference } }
    ... on Refusal { code message } } }"""


def verb(name: str, more: str = "") -> str:
    """A mutation of the deal, answered with all that the story asks of it."""
    return f"""mutation ($deal: Int!, $key: String!) {{
  {name}(input: {{deal: {{number: $deal}}, idempotencyKey: $key{more}}}) {{
    __typename ... on Deal {{ number status hasOpenDispute waitingFor {{ shortfall {{ amount currency }} }} }}
    ... on Refusal {{ code message }} }} }}"""


def the_deal(known: Known) -> dict[str, Any]:
    return {"deal": known["deal"]["number"]}


def status(deal: Answer) -> str:
    return f"deal {deal['number']} is {deal['status']}"


def missing(deal: Answer) -> str:
    lacks = deal["waitingFor"]["shortfall"]
    return f"{status(deal)}: {lacks['amount']} {lacks['currency']} are missing"


def where(payment: Answer) -> str:
    return f"payment {payment['number']} is {payment['status']}: send it to {payment['gatewayData']['address']}"


STORY = Story(
    "deal",
    "A deal waits for its customer's money, is paid with coins, disputed, and split by an operator.",
    cast=("Anna", "Boris"),
    watcher="Anna",
    watches={"dealChanged": "DealEvent", "paymentChanged": "PaymentEvent", "balanceChanged": "BalanceEvent"},
    steps=(
        Step(
            OPERATOR,
            f"gives Anna {AT_FIRST} {CURRENCY}",
            ADJUST,
            lambda known: {"person": known["Anna"]["number"], "money": {"amount": AT_FIRST, "currency": CURRENCY}},
            {"__typename": "Person"},
        ),
        Step(
            "Anna",
            f"offers Boris a website for {PRICE} {CURRENCY}",
            OFFER,
            lambda known: {
                "customer": known["Anna"]["number"],
                "performer": known["Boris"]["number"],
                "price": {"amount": PRICE, "currency": CURRENCY},
            },
            {"status": "CREATED"},
            status,
            keep="deal",
            pushed="open",
        ),
        Step(
            "Boris",
            "agrees, but Anna has too little",
            verb("confirmDeal"),
            the_deal,
            {"status": "WAITING_FOR_PAYMENT"},
            missing,
            keep="waiting",
            pushed="wait",
        ),
        Step(
            "Anna",
            "asks where to pay what is missing",
            PAY,
            lambda known: {
                "person": known["Anna"]["number"],
                "gateway": "usdt",
                "money": known["waiting"]["waitingFor"]["shortfall"],
            },
            {"status": "WAITING"},
            where,
            keep="payment",
        ),
        Step(
            "Anna",
            "sends the coins, on the sandbox's chain",
            outside="tron/deposit",
            given=lambda known: {
                "address": known["payment"]["gatewayData"]["address"],
                "amount": known["payment"]["amount"]["amount"],
            },
            tells=lambda made: f"transaction {made['txId'][:16]}…, in the next block",
        ),
        Step("worker", "finds them in a block that is solid, and credits them", pushed="credit_deposit"),
        Step("worker", "holds the price and confirms the deal", pushed="promote"),
        Step(
            "Anna",
            "disputes the deal",
            verb("openDealDispute", ', title: "Two pages", description: "The third is missing"'),
            the_deal,
            {"status": "CONFIRM_PERFORMER", "hasOpenDispute": True},
            lambda deal: f"{status(deal)} and disputed",
            pushed="open_dispute",
        ),
        Step(
            "Anna",
            "tries to close it nevertheless",
            verb("closeDeal"),
            the_deal,
            {"code": "DEAL_HAS_OPEN_DISPUTE"},
            lambda refusal: f"{refusal['code']}: nothing was written",
        ),
        Step(
            OPERATOR,
            f"decides: {FOR_BORIS} {CURRENCY} for Boris, the rest back to Anna",
            verb("closeDealDispute", f', inFavourOf: SPLIT, performerAmount: "{FOR_BORIS}", comment: "Two of three"'),
            the_deal,
            {"status": "ARB_CLOSE_SPLIT", "hasOpenDispute": False},
            status,
            pushed="close_by_split",
        ),
        Step("worker", "moves the coins to the main wallet, after the TRX for the fee", pushed="settle"),
    ),
)
