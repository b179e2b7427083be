"""What somebody is told by push while the story goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from server.demo.story import Answer, NotTold, Shown, Unplayable
from server.demo.telling import Teller
from server.watch import Declined, follow

NO_WORKER = "Events go through a worker: does one run? `make up` starts it, or `saldo worker`."
HOUSE: Mapping[str, Shown] = {
    "PersonEvent": Shown("whom: person { name }", lambda event: str(event["whom"]["name"])),
    "BalanceEvent": Shown(
        "whose: person { name } available { amount currency } change { amount }",
        lambda event: str(event["whose"]["name"]),
        lambda event: f"{event['change']['amount']} -> {event['available']['amount']} {event['available']['currency']}",
    ),
    "JobRunEvent": Shown("run { id job }", lambda event: str(event["run"]["job"]).lower()),
}
"""How events are shown that belong to no story in particular."""


def subscription(field: str, shows: Mapping[str, Shown]) -> str:
    """The document of a subscription that asks for all that is shown."""
    fragments = " ".join(f"... on {name} {{ {shown.fields} }}" for name, shown in shows.items())
    return f"""subscription ($after: Cursor) {{ {field}(after: $after) {{ __typename
  ... on Event {{ cursor occurredAt name version actor from to }} {fragments} ... on Lagged {{ missed }} }} }}"""


class Feed:
    """One subscription: prints each event as it arrives, and can be waited for."""

    def __init__(self, who: str, shows: Mapping[str, Shown], teller: Teller, patience_seconds: float) -> None:
        self._who, self._shows, self._teller, self._patience = who, shows, teller, patience_seconds
        self._told: asyncio.Queue[Answer | Declined] = asyncio.Queue()

    async def watch(self, url: str, token: str, query: str) -> None:
        """Until it is cancelled, or the API declines."""
        try:
            async for item in follow(url, token, query, {}):
                if "name" in item:
                    self._teller.event(self._who, item, self._shows.get(item["__typename"]))
                self._told.put_nowait(item)
        except Declined as declined:
            self._told.put_nowait(declined)

    async def begun(self) -> None:
        """A feed of everything begins with a heartbeat: from then on nothing is missed."""
        await self._until(lambda item: item["__typename"] == "Heartbeat", "that its feed has begun", "")

    async def until(self, wanted: Callable[[Answer], bool], what: str) -> Answer:
        """The next event that is wanted. Raises Unplayable when it does not come in time."""
        return await self._until(wanted, what, NO_WORKER)

    async def _until(self, wanted: Callable[[Answer], bool], what: str, advice: str) -> Answer:
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    item: Any = await self._told.get()
                    if isinstance(item, Declined):
                        raise Unplayable(f"The API declined the feed of {self._who}: {item}")
                    if wanted(item):
                        return dict(item)
        except TimeoutError:
            raise NotTold(f"{self._who} was not told {what} within {self._patience:g} s. {advice}".strip()) from None
