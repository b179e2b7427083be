"""What somebody is told by push while the story goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from server.demo.story import Answer, NotTold, Shown, Unplayable
from server.demo.telling import Teller
from server.watch import Declined, follow

NO_WORKER = "Events go through a worker: does one run? `make up` starts it, or `saldo worker`."
SNAPSHOT = "snapshot"
HOUSE: Mapping[str, Shown] = {
    "PersonEvent": Shown("whom: person { name }", lambda event: str(event["whom"]["name"])),
    "BalanceEvent": Shown(
        "whose: person { name } available { amount currency } change { amount }",
        lambda event: str(event["whose"]["name"]),
        lambda event: f"{event['change']['amount']} -> {event['available']['amount']} {event['available']['currency']}",
    ),
    "JobRunEvent": Shown("run { id job }", lambda event: str(event["run"]["job"]).lower()),
    "DealEvent": Shown("deal { number }", lambda event: str(event["deal"]["number"])),
    "PaymentEvent": Shown(
        "payment { number status exception received { amount currency } }",
        lambda event: str(event["payment"]["number"]),
        lambda event: _of_payment(event["name"], event["payment"]),
    ),
    "WalletEvent": Shown("wallet { address }", lambda event: f"{event['wallet']['address'][:8]}…"),
    "SweepEvent": Shown(
        "sweep { purpose paymentNumber amount { amount currency } }",
        lambda event: f"of {event['sweep']['paymentNumber']}",
        lambda event: "{} {} {} -> {}".format(
            event["sweep"]["purpose"].lower(), *event["sweep"]["amount"].values(), event["to"]
        ),
    ),
    "PartyEvent": Shown("party { partyId name }", lambda event: str(event["party"]["name"])),
    "ShopEvent": Shown("shop { shopId name }", lambda event: str(event["shop"]["name"])),
    "PayoutEvent": Shown(
        "payout { payoutId sequence deliveryStatus amount { amount currency } }",
        lambda event: f"{event['payout']['payoutId'][:8]}…",
        lambda event: _of_payout(event["from"], event["to"], event["payout"]),
    ),
    "DisputeEvent": Shown(
        "dispute { disputeId invoiceId changedAmount { amount currency } notification { status } }",
        lambda event: f"{event['dispute']['disputeId'][:8]}…",
        lambda event: _of_dispute(event["name"], event["from"], event["to"], event["dispute"]),
    ),
    "AdjustmentEvent": Shown(
        "adjustment { adjustmentId invoiceId cashFlowSentAt capturedSentAt changedAmount { amount currency } }",
        lambda event: f"{event['adjustment']['adjustmentId'][:8]}…",
        lambda event: _of_adjustment(event["name"], event["to"], event["adjustment"]),
    ),
}
"""How events are shown, whatever the story."""


def _of_payout(before: str | None, after: str, payout: Answer) -> str:
    """A move says where it led, what happens to a delivery how that stands."""
    return f"{after}, number {payout['sequence']}" if before != after else f"delivery {payout['deliveryStatus']}"


def _of_dispute(name: str, before: str | None, after: str, dispute: Answer) -> str:
    """A move says where it led, and to which amount; what happens to a notification how that stands."""
    if before == after:
        return f"notification {dispute['notification']['status']}" if name.endswith("notify") else ""
    changed = dispute["changedAmount"]
    return f"-> {after}" + (", {} {}".format(*changed.values()) if changed else "")


def _of_adjustment(name: str, after: str, adjustment: Answer) -> str:
    """What is ordered of billing."""
    if name != "send":
        return f"-> {after}"
    changed = adjustment["changedAmount"]
    return "captured" if adjustment["capturedSentAt"] else "cash flow {} {}".format(*changed.values())


def _of_payment(name: str, payment: Answer) -> str:
    """News and money are told apart; a move says where it led."""
    if name == "see_deposit":
        return "seen, not final yet"
    if name == "credit_deposit":
        odd = "" if payment["exception"] == "NONE" else f", {payment['exception']}"
        return "received {} {}{}".format(*payment["received"].values(), odd)
    return ""


def subscription(field: str, types: Iterable[str], shows: Mapping[str, Shown]) -> str:
    """The document of a subscription that asks for all that is shown of these types."""
    fragments = " ".join(f"... on {name} {{ {shows[name].fields} }}" for name in types)
    return f"""subscription ($after: Cursor) {{ {field}(after: $after) {{ __typename
  ... on Event {{ cursor occurredAt name version actor from to }} {fragments} ... on Lagged {{ missed }} }} }}"""


class Feed:
    """What one viewer is told by all his subscriptions: prints each event as it arrives, and can be waited for.

    What one subscription tells may come before what another told earlier: an event that nobody waits for yet is kept.
    """

    def __init__(self, who: str, shows: Mapping[str, Shown], teller: Teller, patience_seconds: float) -> None:
        self._who, self._shows, self._teller, self._patience = who, shows, teller, patience_seconds
        self._told: asyncio.Queue[Answer | Declined] = asyncio.Queue()
        self._kept: list[Answer] = []

    async def watch(self, url: str, token: str, query: str, begun: asyncio.Event) -> None:
        """Until it is cancelled, or the API declines. From when it has `begun` nothing is missed."""
        try:
            async for item in follow(url, token, query, {}):
                begun.set()
                if item.get("name", SNAPSHOT) != SNAPSHOT:
                    self._teller.event(self._who, item, self._shows.get(item["__typename"]))
                self._told.put_nowait(item)
        except Declined as declined:
            self._told.put_nowait(declined)
            begun.set()

    async def begun(self, events: Iterable[asyncio.Event]) -> None:
        """Each subscription begins with something: what it is about as it is, or a heartbeat."""
        try:
            async with asyncio.timeout(self._patience):
                for event in events:
                    await event.wait()
        except TimeoutError:
            raise NotTold(f"{self._who} was not told that its feed has begun within {self._patience:g} s.") from None

    async def until(self, wanted: Callable[[Answer], bool], what: str) -> Answer:
        """The first event that is wanted of those not waited for before. Raises Unplayable when it does not come in time."""
        for number, item in enumerate(self._kept):
            if wanted(item):
                return self._kept.pop(number)
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    told: Any = await self._told.get()
                    if isinstance(told, Declined):
                        raise Unplayable(f"The API declined the feed of {self._who}: {told}")
                    if wanted(told):
                        return dict(told)
                    self._kept.append(told)
        except TimeoutError:
            advice = f"was not told {what} within {self._patience:g} s. {NO_WORKER}"
            raise NotTold(f"{self._who} {advice}") from None
