"""A payment that is disputed at a provider in a mood: asked for later, undecided, and upheld at last with another amount."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from server.demo.merchants import CURRENCY
from server.demo.story import OPERATOR, Answer, Known, Step, Story, Unplayable

MERCHANT, AMOUNT, CAME, TERMINAL = "Oak", 10_000, "80.00", 5
RECEIPT = b64encode(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)).decode()
CREATE = """mutation ($invoice: String!, $hook: String!, $file: Base64!, $key: String!) {
  createDispute(input: {invoiceId: $invoice, paymentId: "1", reason: "the payer has a receipt", notificationUrl: $hook,
    attachments: [{mimeType: "image/png", data: $file}], idempotencyKey: $key}) {
    __typename ... on Dispute { disputeId publicStatus amount { amount currency } } ... on Refusal { code message } } }"""
CANCEL = """mutation ($dispute: String!, $key: String!) {
  cancelDisputes(input: {items: [{dispute: {disputeId: $dispute}}], idempotencyKey: $key}) {
    __typename ... on Dispute { status } ... on Refusal { code message } } }"""


def invoice(known: Known) -> str:
    return str(known[MERCHANT]["partyId"])


def terminal(known: Known) -> dict[str, Any]:
    """Of the provider in a mood; it wants to be asked each second."""
    options = {
        "DISPUTE_FLOW_PROVIDERS_API_EXIST": "true",
        "dispute_default_initial_exponential_sec": "1",
        "dispute_max_time_backoff_sec": "1",
    }
    return {"id": TERMINAL, "providerId": 2, "url": f"{known['sandbox']['url']}/moodypay", "options": options}


def payment(known: Known) -> dict[str, Any]:
    return {
        "invoiceId": invoice(known), "paymentId": "1", "partyId": known[MERCHANT]["partyId"], "shopId": "shop",
        "amount": AMOUNT, "currency": CURRENCY, "status": "failed", "terminalId": TERMINAL,
        "providerTrxId": f"{invoice(known)}-changed",
    }  # fmt: skip


def disputed(known: Known) -> dict[str, Any]:
    hook = f"{known['sandbox']['url']}/receiver/hooks/{invoice(known)}"
    return {"invoice": invoice(known), "hook": hook, "file": RECEIPT}


def happens(name: str, noun: str = "dispute") -> Any:
    """An event of this story's payment, of which staff alone are told."""
    return lambda event, known: event.get("name") == name and event.get(noun, {}).get("invoiceId") == invoice(known)


def ordered(what: str) -> Any:
    """That billing was told of an amount, or that the payment is captured."""
    sent = happens("send", "adjustment")
    return lambda event, known: (
        sent(event, known) and (event["adjustment"]["capturedSentAt"] is not None) == (what == "captured")
    )


def heard(said: Answer) -> str:
    """It was told once, or the story is not true."""
    if len(said["received"]) != 1:
        raise Unplayable(f"The merchant's server was told {len(said['received'])} times, and should have been once.")
    (told,) = said["received"]
    return f"{told['body']}, signed {told['signature'][:22]}…"


STORY = Story(
    "dispute",
    "A merchant disputes a payment; its provider is slow, undecided, and upholds it with another amount.",
    cast=(),
    merchants=(MERCHANT,),
    watcher=MERCHANT,
    watches={"disputeChanged": "DisputeEvent"},
    steps=(
        Step(
            "sandbox",
            "plays a provider in a mood, who wants to be asked each second",
            outside="billing/terminals",
            given=terminal,
        ),
        Step(
            "sandbox",
            f"has billing know of a payment of 100.00 {CURRENCY} that failed",
            outside="billing/payments",
            given=payment,
            tells=lambda said: f"payment 1 of {said['invoice']['id']} is {said['payment']['status']}",
        ),
        Step(
            MERCHANT,
            "disputes it with a receipt, and names a server of his own",
            CREATE,
            disputed,
            {"publicStatus": "PENDING"},
            lambda said: (
                f"{said['publicStatus']}: {said['amount']['amount']} {said['amount']['currency']} are disputed"
            ),
            keep="dispute",
            pushed="open",
        ),
        Step(
            "worker",
            "asks billing, then the provider, who wants to be asked later, and takes it then",
            inside=happens("accept"),
        ),
        Step(
            "worker",
            f"asks what became of it: undecided, undecided, and {CAME} {CURRENCY} came",
            inside=happens("confirm"),
        ),
        Step("worker", "has billing correct the amount", inside=ordered("amount")),
        Step("worker", "has billing capture the payment, with the next look", inside=ordered("captured")),
        Step("worker", "ends the adjustment and the dispute together", pushed="succeed"),
        Step("worker", "tells the merchant's own server", inside=happens("notify")),
        Step(
            "sandbox",
            "shows what that server was told",
            looks="receiver/received",
            given=lambda known: {"name": invoice(known)},
            tells=heard,
        ),
        Step(
            OPERATOR,
            "tries to cancel it",
            CANCEL,
            lambda known: {"dispute": known["dispute"]["disputeId"]},
            {"code": "DISPUTE_STATUS_CHANGE_NOT_ALLOWED"},
            lambda refusal: f"{refusal['code']}: {refusal['message']}",
        ),
    ),
)
