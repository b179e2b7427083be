from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from models.kernel.money import Money
from models.kernel.rows import LivingRow
from models.payments.lifecycle import (
    GATEWAYS,
    PAYMENTS,
    SWEEPS,
    WALLETS,
    GatewayStatus,
    PaymentException,
    PaymentStatus,
    Purpose,
    Step,
    SweepStatus,
    WalletStatus,
)
from models.people.tables import Person, owner

CODE_MAX, NAME_MAX, LOGO_MAX, ERROR_MAX = 40, 128, 500, 500
AMOUNT_MAX = 2**63 - 1
"""What a row can hold. A contract can write more into a transfer."""


class PaymentGateway(LivingRow):
    """A way to pay in, as it is offered. `limits` says for each currency what one payment may be."""

    lifecycle = GATEWAYS

    code = fields.CharField(max_length=CODE_MAX, unique=True)
    name = fields.CharField(max_length=NAME_MAX)
    logo = fields.CharField(max_length=LOGO_MAX, null=True)
    service = fields.CharField(max_length=CODE_MAX, description="the adapter that speaks to the outside")
    status = fields.CharEnumField(GatewayStatus, max_length=40, description="whether it is offered")
    limits: Any = fields.JSONField(description="currency -> [least, most] in minor units")
    confirmations = fields.IntField(default=0, description="blocks until a deposit counts; for people to read")

    class Meta:
        table = "payment_gateway"
        constraints = (CheckConstraint(name="payment_gateway_named", check="btrim(code) <> '' AND btrim(name) <> ''"),)

    def audience(self) -> set[str]:
        return set()


class Payment(LivingRow):
    """What a person was to pay in, and what came of it. `id` is its number."""

    lifecycle = PAYMENTS
    hidden = frozenset(
        {"failures", "failed_step", "last_error", "last_checked_at", "next_check_at", "marks", "attempts", "lease_until",
         "lease_token"}
    )  # fmt: skip

    gateway_id: int
    gateway: fields.ForeignKeyRelation[PaymentGateway] = fields.ForeignKeyField(
        "models.PaymentGateway", related_name="payments", on_delete=fields.RESTRICT
    )
    person_id: int
    person: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "models.Person", related_name="payments", on_delete=fields.RESTRICT
    )
    service = fields.CharField(max_length=64, null=True, description="the service that made it for the person")
    currency = fields.CharField(max_length=12)
    amount_minor = fields.BigIntField(description="what was asked for")
    received_minor = fields.BigIntField(default=0, description="what was credited")
    status = fields.CharEnumField(PaymentStatus, max_length=40, description="of the payment's life")
    exception = fields.CharEnumField(
        PaymentException, max_length=40, default=PaymentException.NONE, description="what is not as it was asked for"
    )
    gateway_data: Any = fields.JSONField(description="where to pay: as the gateway says it")
    reference = fields.CharField(max_length=40, null=True, unique=True, description="by which a bank names it")
    sweep_deferred = fields.CharField(max_length=40, null=True, description="why coins stay where they are for now")
    needs_attention = fields.BooleanField(default=False)
    reason = fields.CharField(max_length=ERROR_MAX, null=True, description="why an operator ended it")
    expires_at = fields.DatetimeField()
    settled_at = fields.DatetimeField(null=True)
    failures = fields.IntField(default=0, description="in a row")
    failed_step = fields.CharField(max_length=40, null=True)
    last_error = fields.CharField(max_length=ERROR_MAX, null=True)
    last_checked_at = fields.DatetimeField(null=True)
    next_check_at = fields.DatetimeField(null=True)
    marks = fields.IntField(
        default=0, description="how often it was said, since it was last done, that there is something to do"
    )
    attempts = fields.IntField(default=0)
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.UUIDField(null=True)

    class Meta:
        table = "payment"
        indexes = (
            Index(fields=("person_id", "id")),
            Index(fields=("status", "id")),
            Index(fields=("updated_at", "id")),
            Index(fields=("service", "id")),
            Index(fields=("gateway_id", "id")),
        )
        constraints = (
            CheckConstraint(name="payment_amount_positive", check="amount_minor > 0 AND received_minor >= 0"),
            CheckConstraint(
                name="payment_settled_when_it_succeeds", check="(status = 'success') = (settled_at IS NOT NULL)"
            ),
        )

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    def audience(self) -> set[str]:
        return {owner(self.person_id)} | ({f"service:{self.service}"} if self.service else set())


class Wallet(LivingRow):
    """An address of a chain that was given out for one payment, and for no other ever."""

    lifecycle = WALLETS

    payment_id: int
    payment: fields.OneToOneRelation[Payment] = fields.OneToOneField(
        "models.Payment", related_name="wallet", on_delete=fields.RESTRICT
    )
    network = fields.CharField(max_length=20)
    address = fields.CharField(max_length=64, unique=True)
    derivation_index = fields.BigIntField(unique=True)
    currency = fields.CharField(max_length=12)
    received_minor = fields.BigIntField(default=0)
    swept_minor = fields.BigIntField(default=0)
    status = fields.CharEnumField(WalletStatus, max_length=40, description="of what is on it")

    class Meta:
        table = "wallet"
        constraints = (
            CheckConstraint(
                name="wallet_swept_what_it_received", check="swept_minor >= 0 AND swept_minor <= received_minor"
            ),
        )

    def audience(self) -> set[str]:
        return set()


class Deposit(Model):
    """Something that arrived. Its network, transaction and log name it for ever; it is credited once.

    A part of its payment, whose events tell of it; one that nobody could be found for has none, and waits to be matched.
    """

    id = fields.BigIntField(primary_key=True)
    payment_id: int | None
    payment: fields.ForeignKeyNullableRelation[Payment] = fields.ForeignKeyField(
        "models.Payment", related_name="deposits", on_delete=fields.RESTRICT, null=True
    )
    gateway_id: int
    gateway: fields.ForeignKeyRelation[PaymentGateway] = fields.ForeignKeyField(
        "models.PaymentGateway", related_name="deposits", on_delete=fields.RESTRICT
    )
    network = fields.CharField(max_length=20)
    tx_id = fields.CharField(max_length=128)
    log_index = fields.IntField()
    contract = fields.CharField(max_length=64, null=True)
    sender = fields.CharField(max_length=128, default="")
    reference = fields.CharField(max_length=140, default="", description="what the payer wrote, where nobody was found")
    amount_minor = fields.BigIntField()
    currency = fields.CharField(max_length=12)
    block = fields.BigIntField(null=True)
    solid = fields.BooleanField(default=False, description="read from a solid block, which never changes again")
    seen_at = fields.DatetimeField()
    credited_at = fields.DatetimeField(null=True)
    dropped_at = fields.DatetimeField(null=True, description="the chain has no such transfer any more")

    class Meta:
        table = "deposit"
        indexes = (Index(fields=("payment_id", "id")),)
        constraints = (
            UniqueConstraint(name="deposit_once", fields=("network", "tx_id", "log_index")),
            CheckConstraint(name="deposit_positive", check="amount_minor > 0"),
            CheckConstraint(
                name="deposit_credited_to_a_payment", check="credited_at IS NULL OR payment_id IS NOT NULL"
            ),
        )


class PaymentStep(Model):
    """When a step of a payment's check was last done: what a crash leaves to be read."""

    id = fields.BigIntField(primary_key=True)
    payment_id: int
    payment: fields.ForeignKeyRelation[Payment] = fields.ForeignKeyField(
        "models.Payment", related_name="steps", on_delete=fields.RESTRICT
    )
    step = fields.CharEnumField(Step, max_length=40, description="of the check")
    done_at = fields.DatetimeField()
    detail = fields.CharField(max_length=ERROR_MAX, default="")

    class Meta:
        table = "payment_step"
        constraints = (UniqueConstraint(name="payment_step_once", fields=("payment_id", "step")),)


class Sweep(LivingRow):
    """A transaction of ours: coins from a deposit address to the main wallet, or TRX the other way to pay for that."""

    lifecycle = SWEEPS
    hidden = frozenset({"raw_tx", "signed_block", "seen_block"})

    payment_id: int
    payment: fields.ForeignKeyRelation[Payment] = fields.ForeignKeyField(
        "models.Payment", related_name="sweeps", on_delete=fields.RESTRICT
    )
    wallet_id: int
    wallet: fields.ForeignKeyRelation[Wallet] = fields.ForeignKeyField(
        "models.Wallet", related_name="sweeps", on_delete=fields.RESTRICT
    )
    purpose = fields.CharEnumField(Purpose, max_length=40, description="what it is for")
    to_address = fields.CharField(max_length=64)
    amount_minor = fields.BigIntField()
    currency = fields.CharField(max_length=12)
    status = fields.CharEnumField(SweepStatus, max_length=40, description="of the attempt")
    tx_id = fields.CharField(max_length=128, null=True, unique=True)
    raw_tx = fields.TextField(null=True)
    expires_at = fields.DatetimeField(null=True)
    signed_block = fields.BigIntField(null=True, description="solid when it was signed: it is in none up to this one")
    seen_block = fields.BigIntField(null=True, description="in which it stands, as the scan read it; solid")
    fee_minor = fields.BigIntField(null=True, description="in sun, burned")
    energy_used = fields.BigIntField(null=True)
    error = fields.CharField(max_length=ERROR_MAX, null=True)

    class Meta:
        table = "sweep"
        indexes = (
            Index(fields=("status", "id")),
            Index(fields=("payment_id", "id")),
            Index(fields=("wallet_id", "id")),
        )
        constraints = (
            CheckConstraint(name="sweep_amount_positive", check="amount_minor > 0"),
            CheckConstraint(
                name="sweep_signed_whole",
                check="(status = 'planned') = (raw_tx IS NULL) AND (raw_tx IS NULL) = (tx_id IS NULL)"
                " AND (raw_tx IS NULL) = (expires_at IS NULL)",
            ),
        )

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)

    def audience(self) -> set[str]:
        return set()


class ChainCursor(Model):
    """How far a chain was read: every solid block from `first_block` to `block`, and what is not solid yet up to `seen_block`."""

    network = fields.CharField(max_length=20, primary_key=True)
    first_block = fields.BigIntField()
    block = fields.BigIntField()
    block_at = fields.DatetimeField(description="the chain's time of `block`")
    seen_block = fields.BigIntField()
    scanned_at = fields.DatetimeField()

    class Meta:
        table = "chain_cursor"
