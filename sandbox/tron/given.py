"""What the chain's control calls are given."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from sandbox.given import Given
from sandbox.tron.addresses import base58

UNITS = 1_000_000
"""Of USDT and of TRX alike."""
USDT = "USDT"


def _units(text: str) -> str:
    try:
        amount = Decimal(text)
        units = amount * UNITS
    except InvalidOperation:
        raise ValueError("is no decimal number") from None
    if not (amount.is_finite() and 0 <= units <= 10**24 and units == units.to_integral_value()):
        raise ValueError("must be 0 or more, with at most six places")
    return text


Address = Annotated[str, AfterValidator(base58)]
Amount = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_units)]


def units(amount: str) -> int:
    return int(Decimal(amount) * UNITS)


class Part(Given):
    address: Address
    amount: Amount
    token: str = USDT
    sender: Address | None = Field(default=None, alias="from")


class Deposit(Given):
    """One transfer, or several in one transaction."""

    address: Address | None = None
    amount: Amount | None = None
    token: str = USDT
    sender: Address | None = Field(default=None, alias="from")
    transfers: tuple[Part, ...] = Field(default=(), max_length=500)
    times: int = Field(default=1, ge=1, le=10_000)
    mine: bool = False
    fails: bool = False
    magic: bool = True

    @model_validator(mode="after")
    def _is_one_or_several(self) -> Self:
        if self.transfers and (self.address or self.amount):
            raise ValueError("give address and amount, or transfers, not both")
        if not self.transfers and (self.address is None or self.amount is None):
            raise ValueError("give address and amount, or transfers")
        return self

    @property
    def parts(self) -> tuple[Part, ...]:
        if self.transfers:
            return self.transfers
        return (Part.model_construct(address=self.address, amount=self.amount, token=self.token, sender=self.sender),)


class Mine(Given):
    blocks: int = Field(default=1, ge=1, le=10_000)
    seconds: float = Field(default=0, ge=0, le=10_000_000, description="the chain's clock jumps ahead so far first")
    with_pool: bool = True


class Change(Given):
    block_seconds: float | None = Field(default=None, ge=0, le=60)
    solid_after: int | None = Field(default=None, ge=0, le=100)
    energy_fee: int | None = Field(default=None, ge=1, le=1_000_000)
    answer_seconds: float | None = Field(default=None, ge=0, le=60)
    with_pool: bool | None = Field(default=None, description="whether blocks take what is in the pool")


class Reorg(Given):
    blocks: int = Field(ge=1, le=1_000)
    drop: tuple[str, ...] = ()
    to_pool: bool = False


class Lag(Given):
    blocks: int = Field(ge=0, le=1_000)


class SetAccount(Given):
    address: Address
    trx: Amount | None = None
    energy: int | None = Field(default=None, ge=0)
    bandwidth_used: int | None = Field(default=None, ge=0)
    blacklisted: bool | None = None


class Lie(Given):
    address: Address | None = None
    balance: Amount | None = None
    hide_logs: str | None = None
    index: bool | None = None
    none: bool = Field(default=False, description="all lies end")

    @model_validator(mode="after")
    def _balance_has_an_address(self) -> Self:
        if (self.address is None) != (self.balance is None):
            raise ValueError("address and balance go together")
        return self


class Look(Given):
    to: Address | None = None
    sender: Address | None = Field(default=None, alias="from")
    after: int = Field(default=0, description="only transfers in later blocks")
