"""Money as clients see and give it."""

from __future__ import annotations

from decimal import Decimal

import strawberry

from models.kernel import money as kernel
from schema.scalars import BigInt, CurrencyCode


@strawberry.type(description="An amount of one currency, exact.")
class Money:
    amount: Decimal = strawberry.field(description='In major units, with all decimals of the currency: "10.50".')
    currency: CurrencyCode = strawberry.field(description="What is counted.")
    minor_units: BigInt = strawberry.field(description='In minor units: "1050".')

    @classmethod
    def of(cls, money: kernel.Money) -> Money:
        return cls(amount=money.amount, currency=CurrencyCode(money.currency), minor_units=BigInt(money.minor))


@strawberry.input(description="An amount of one currency. More decimals than the currency has are INVALID_AMOUNT.")
class MoneyInput:
    amount: Decimal = strawberry.field(description='In major units: "10.50".')
    currency: CurrencyCode = strawberry.field(description="What is counted.")

    def money(self) -> kernel.Money:
        """Refuses INVALID_AMOUNT, CURRENCY_NOT_SUPPORTED."""
        return kernel.Money.of(self.amount, self.currency)
