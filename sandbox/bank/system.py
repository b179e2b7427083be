"""The bank as one of the systems that are played."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal
from uuid import uuid4

import httpx
import orjson
from pydantic import AfterValidator, Field
from starlette.routing import Route

from models.kernel.clock import now
from sandbox.bank.delivering import ANSWER_SECONDS, Booking, accepted, deliver, insist, shown
from sandbox.given import Given, Nothing, Wrong, get, post
from sandbox.world import System, World
from settings import settings

KEPT = 10_000


def _decimal(text: str) -> str:
    with suppress(InvalidOperation):
        if Decimal(text).is_finite():
            return text
    raise ValueError("is no decimal number")


class NewTransfer(Given):
    reference: str = Field(max_length=1_000)
    amount: Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_decimal)]
    currency: str
    sender_name: str | None = None
    id: str = Field(default="", max_length=1_000)
    deliver: bool = True
    times: int = Field(default=1, ge=1, le=1_000)
    at: int = Field(default=0, description="age of the signature's time in seconds")
    signature: Literal["good", "forged", "missing"] = "good"
    url: str = ""
    retries: int = Field(default=8, ge=0, le=100)
    back_off_seconds: float = Field(default=1, ge=0, le=60)


class Deliver(Given):
    ids: tuple[str, ...] = Field(min_length=1, max_length=1_000)


class Bank(System):
    name: ClassVar[str] = "bank"
    operations: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.bookings: list[Booking] = []

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        """Made when it is first needed: it takes a while."""
        return httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False)

    def routes(self) -> list[Route]:
        return []

    def control(self) -> list[Route]:
        return [
            post("bank/transfer", NewTransfer, self._transfer),
            post("bank/deliver", Deliver, self._deliver),
            get("bank/transfers", Nothing, self._transfers),
        ]

    def reset(self) -> None:
        """What is still being delivered is delivered no more."""
        for booking in self.bookings:
            booking.retries = 0
        self.bookings = []

    async def run(self) -> None:
        """Only its connections are to be closed in the end."""
        try:
            await asyncio.Event().wait()
        finally:
            if "_client" in self.__dict__:
                await self._client.aclose()

    async def _transfer(self, given: NewTransfer) -> dict[str, Any]:
        id = given.id or f"bank-{uuid4().hex}"
        body = {
            "id": id,
            "type": "transfer.received",
            "reference": given.reference,
            "amount": given.amount,
            "currency": given.currency,
            **({"senderName": given.sender_name} if given.sender_name is not None else {}),
            "bookedAt": now().isoformat(),
        }
        booking = Booking(
            id,
            given.url or f"http://127.0.0.1:{settings().port}/webhooks/bank",
            orjson.dumps(body),
            given.at,
            given.signature,
            given.retries if given.signature == "good" and not given.at else 0,
            given.back_off_seconds,
        )
        self.bookings = [*self.bookings[-KEPT:], booking]
        outcomes = [await self._tell(booking) for _ in range(given.times)] if given.deliver else []
        return {"id": id, "status": _status(outcomes), "outcomes": outcomes}

    async def _deliver(self, given: Deliver) -> dict[str, Any]:
        known = {booking.id: booking for booking in self.bookings}
        if unknown := [id for id in given.ids if id not in known]:
            raise Wrong("ids", f"there is no transfer {unknown[0]}")
        return {"delivered": [{"id": id, "status": _status([await self._tell(known[id])])} for id in given.ids]}

    async def _transfers(self, _given: Nothing) -> dict[str, Any]:
        return {"transfers": [shown(booking) for booking in self.bookings]}

    async def _tell(self, booking: Booking) -> int | str:
        """Now; and where that fails, again beside all else."""
        outcome = await deliver(self._client, booking)
        if not accepted(outcome):
            self.world.begin(insist(self._client, booking))
        return outcome


def _status(outcomes: list[int | str]) -> int | None:
    """The first, where there was an answer."""
    return outcomes[0] if outcomes and isinstance(outcomes[0], int) else None
