"""Deposit addresses, what is sent over the chain, and whether what stands there covers what is owed: for staff."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import strawberry

from models.kernel import money as kernel
from models.payments import reads
from models.payments.lifecycle import Purpose, SweepStatus, WalletStatus
from schema.events import Event, Told
from schema.money import Money
from schema.node import Node, global_id
from schema.scalars import BigInt

WALLET, SWEEP = "Wallet", "Sweep"

strawberry.enum(WalletStatus, description="Of what is on a deposit address.")
strawberry.enum(SweepStatus, description="Of a transaction of ours.")
strawberry.enum(Purpose, name="SweepPurpose", description="What a transaction of ours is for.")


@strawberry.type(description="A deposit address: given out for one payment, and for no other ever.")
class Wallet(Node):
    status: WalletStatus = strawberry.field(description="Of what is on it.")
    payment_number: int = strawberry.field(description="The number of the payment that it was given out for.")
    network: str = strawberry.field(description="The chain.")
    address: str = strawberry.field(description="The address.")
    derivation_index: BigInt = strawberry.field(description="By which its key is derived.")
    received: Money = strawberry.field(description="What was credited of what came here.")
    swept: Money = strawberry.field(description="What of it stands on the main wallet.")

    @classmethod
    def of(cls, record: reads.WalletRecord) -> Wallet:
        return cls(
            id=global_id(WALLET, record.id),
            status=record.status,
            payment_number=record.payment_id,
            network=record.network,
            address=record.address,
            derivation_index=BigInt(record.derivation_index),
            received=Money.of(record.received),
            swept=Money.of(record.swept),
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
        )


@strawberry.type(description="A transaction of ours: coins to the main wallet, or TRX the other way to pay for that.")
class Sweep(Node):
    status: SweepStatus = strawberry.field(description="Of the attempt.")
    purpose: Purpose = strawberry.field(description="What it is for.")
    payment_number: int = strawberry.field(description="The number of the payment whose address it is about.")
    to_address: str = strawberry.field(description="Where it goes.")
    amount: Money = strawberry.field(description="What it moves.")
    tx_id: str | None = strawberry.field(description="Known as soon as it is signed.")
    expires_at: datetime | None = strawberry.field(description="Within which it must be in a block.")
    fee: Money | None = strawberry.field(description="What the network took for it; known at its end.")
    energy_used: BigInt | None = strawberry.field(description="Known at its end.")
    error: str | None = strawberry.field(description="Why it came to nothing.")

    @classmethod
    def of(cls, record: reads.SweepRecord) -> Sweep:
        return cls(
            id=global_id(SWEEP, record.id),
            status=record.status,
            purpose=record.purpose,
            payment_number=record.payment_id,
            to_address=record.to_address,
            amount=Money.of(record.amount),
            tx_id=record.tx_id,
            expires_at=record.expires_at,
            fee=None if record.fee is None else Money.of(record.fee),
            energy_used=None if record.energy_used is None else BigInt(record.energy_used),
            error=record.error,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
        )


@strawberry.type(description="Something that happened to a deposit address.")
class WalletEvent(Event):
    wallet: Wallet = strawberry.field(description="As it was right after.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"wallet": Wallet.of(reads.WalletRecord.of(told.event.snapshot))}


@strawberry.type(description="Something that happened to a transaction of ours.")
class SweepEvent(Event):
    sweep: Sweep = strawberry.field(description="As it was right after.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"sweep": Sweep.of(reads.SweepRecord.of(told.event.snapshot))}


@strawberry.input(description="Which sweeps are meant: all that is given must be so.")
class SweepFilter:
    status: SweepStatus | None = strawberry.field(default=None, description="Of the attempt.")
    purpose: Purpose | None = strawberry.field(default=None, description="What it is for.")
    payment: int | None = strawberry.field(default=None, description="The number of a payment.")

    def wanted(self) -> reads.WantedSweeps:
        return reads.WantedSweeps(self.status, self.purpose, self.payment)


@strawberry.type(description="What stood on the chain, beside what we owed, when it was last asked.")
class ProofOfReserves:
    at: datetime = strawberry.field(description="The time of the block.")
    block: BigInt = strawberry.field(description="The solid block of which this is true.")
    liabilities: Money = strawberry.field(description="What the books say we owed, to whomever.")
    main: Money = strawberry.field(description="On the main wallet.")
    deposits: Money = strawberry.field(description="On deposit addresses that the books know to hold something.")
    on_chain: Money = strawberry.field(description="Both.")
    covered: bool = strawberry.field(description="Whether what stands on the chain is at least what we owed.")
    addresses: int = strawberry.field(description="How many deposit addresses were asked: those with the most on them.")
    unanswered: int = strawberry.field(description="How many of them gave no answer: nothing is concluded from these.")
    not_asked: int = strawberry.field(description="How many more should hold something, and were not asked.")
    differences: list[str] = strawberry.field(
        description="Where the chain has less than the books say, or than is owed; the first 20."
    )

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> ProofOfReserves:
        def money(name: str) -> kernel.Money:
            return kernel.Money(result[f"{name}_minor"], result["currency"])

        on_chain = money("main") + money("deposits")
        return cls(
            at=datetime.fromisoformat(result["at"]),
            block=BigInt(result["block"]),
            liabilities=Money.of(money("liabilities")),
            main=Money.of(money("main")),
            deposits=Money.of(money("deposits")),
            on_chain=Money.of(on_chain),
            covered=not on_chain < money("liabilities"),
            addresses=result["addresses"],
            unanswered=result.get("unanswered", 0),
            not_asked=result.get("not_asked", 0),
            differences=list(result["differences"]),
        )
