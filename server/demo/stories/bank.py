"""A bank transfer that the bank tells of twice, and that is credited once."""

from __future__ import annotations

from server.demo.stories.deals import PAY
from server.demo.story import Answer, Step, Story


def where(payment: Answer) -> str:
    data = payment["gatewayData"]
    return f"payment {payment['number']} is {payment['status']}: to {data['account']}, reference {data['reference']}"


STORY = Story(
    "bank",
    "Money comes by bank transfer; the bank tells of it twice.",
    cast=("Clara",),
    watcher="Clara",
    watches={"paymentChanged": "PaymentEvent", "balanceChanged": "BalanceEvent"},
    steps=(
        Step(
            "Clara",
            "asks where to pay 25 EUR",
            PAY,
            lambda known: {
                "person": known["Clara"]["number"],
                "gateway": "bank",
                "money": {"amount": "25", "currency": "EUR"},
            },
            {"status": "WAITING"},
            where,
            keep="payment",
            pushed="open",
        ),
        Step(
            "bank",
            "tells of her transfer, twice",
            outside="bank/transfer",
            given=lambda known: {
                "reference": known["payment"]["gatewayData"]["reference"],
                "amount": "25.00",
                "currency": "EUR",
                "senderName": "Clara",
                "times": 2,
            },
            comes={"outcomes": [200, 200]},
            tells=lambda told: f"{told['id'][:13]}… is kept once, by its id",
        ),
        Step("worker", "credits it to the payment of its reference", pushed="credit_deposit"),
        Step("worker", "has the payment succeed: there is nothing to sweep", pushed="settle"),
    ),
)
