from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from models.kernel.rows import LivingRow
from models.parties.lifecycle import (
    CONTRACTS,
    INSTITUTIONS,
    PARTIES,
    PAYOUT_TOOLS,
    SHOPS,
    TERM_SETS,
    ContractStatus,
    InUse,
    Standing,
    ToolKind,
)

CODE_MAX, NAME_MAX, REASON_MAX, LOCATION_MAX = 64, 128, 500, 256


class Party(LivingRow):
    """A merchant. `code` is what everybody else knows it by."""

    lifecycle = PARTIES

    code = fields.CharField(max_length=CODE_MAX, unique=True)
    name = fields.CharField(max_length=NAME_MAX)
    status = fields.CharEnumField(Standing, max_length=40, description="of the party's life")
    suspended = fields.BooleanField(default=False, description="at its own wish")
    reason = fields.CharField(max_length=REASON_MAX, null=True, description="why it was blocked, or unblocked")

    class Meta:
        table = "party"
        constraints = (CheckConstraint(name="party_named", check="btrim(code) <> '' AND btrim(name) <> ''"),)

    def audience(self) -> set[str]:
        return {f"party:{self.code}"}


class PaymentInstitution(LivingRow):
    """Whose system accounts take fees, currency by currency; and the named predicates that terms may refer to."""

    lifecycle = INSTITUTIONS

    code = fields.CharField(max_length=CODE_MAX, unique=True)
    name = fields.CharField(max_length=NAME_MAX)
    status = fields.CharEnumField(InUse, max_length=40, description="of its life")
    accounts: Any = fields.JSONField(description="currency -> account type -> id of its ledger account")
    criteria: Any = fields.JSONField(description="name -> predicate")

    class Meta:
        table = "payment_institution"

    def audience(self) -> set[str]:
        return set()


class TermSet(LivingRow):
    """What contracts say, by times; what it leaves out its parent says."""

    lifecycle = TERM_SETS

    code = fields.CharField(max_length=CODE_MAX, unique=True)
    name = fields.CharField(max_length=NAME_MAX)
    status = fields.CharEnumField(InUse, max_length=40, description="of its life")
    parent_id: int | None
    parent: fields.ForeignKeyNullableRelation[TermSet] = fields.ForeignKeyField(
        "models.TermSet", related_name="children", on_delete=fields.RESTRICT, null=True
    )
    timed: Any = fields.JSONField(description="[{since, until, terms}]: the last one in its time holds")

    class Meta:
        table = "term_set"

    def audience(self) -> set[str]:
        return set()


class Contract(LivingRow):
    """Under which terms a party's shops work."""

    lifecycle = CONTRACTS

    party_id: int
    party: fields.ForeignKeyRelation[Party] = fields.ForeignKeyField(
        "models.Party", related_name="contracts", on_delete=fields.RESTRICT
    )
    party_code = fields.CharField(max_length=CODE_MAX)
    code = fields.CharField(max_length=CODE_MAX)
    status = fields.CharEnumField(ContractStatus, max_length=40, description="of the contract's life")
    institution_id: int
    institution: fields.ForeignKeyRelation[PaymentInstitution] = fields.ForeignKeyField(
        "models.PaymentInstitution", related_name="contracts", on_delete=fields.RESTRICT
    )
    terms_id: int
    terms: fields.ForeignKeyRelation[TermSet] = fields.ForeignKeyField(
        "models.TermSet", related_name="contracts", on_delete=fields.RESTRICT
    )
    valid_since = fields.DatetimeField(null=True)
    valid_until = fields.DatetimeField(null=True)
    adjustments: Any = fields.JSONField(description="[{adjustment_id, created_at, valid_since, valid_until, terms_id}]")

    class Meta:
        table = "contract"
        constraints = (
            UniqueConstraint(name="contract_once", fields=("party_id", "code")),
            CheckConstraint(name="contract_valid_for_a_time", check="valid_until > valid_since"),
        )

    def audience(self) -> set[str]:
        return {f"party:{self.party_code}"}


class PayoutTool(LivingRow):
    """Where money can go: a bank account, a wallet, an account at the institution itself."""

    lifecycle = PAYOUT_TOOLS

    contract_id: int
    contract: fields.ForeignKeyRelation[Contract] = fields.ForeignKeyField(
        "models.Contract", related_name="tools", on_delete=fields.RESTRICT
    )
    party_code = fields.CharField(max_length=CODE_MAX)
    code = fields.CharField(max_length=CODE_MAX)
    status = fields.CharEnumField(InUse, max_length=40, description="of its life")
    kind = fields.CharEnumField(ToolKind, max_length=40, description="how it takes money")
    currency = fields.CharField(max_length=12)
    details: Any = fields.JSONField(description="what whoever sends the money needs to know, by its kind")

    class Meta:
        table = "payout_tool"
        constraints = (UniqueConstraint(name="payout_tool_once", fields=("contract_id", "code")),)

    def audience(self) -> set[str]:
        return {f"party:{self.party_code}"}


class Shop(LivingRow):
    """A place where a party earns money, in one currency, on accounts of its own."""

    lifecycle = SHOPS
    hidden = frozenset({"revision", "scheduled"})

    party_id: int
    party: fields.ForeignKeyRelation[Party] = fields.ForeignKeyField(
        "models.Party", related_name="shops", on_delete=fields.RESTRICT
    )
    party_code = fields.CharField(max_length=CODE_MAX)
    code = fields.CharField(max_length=CODE_MAX)
    name = fields.CharField(max_length=NAME_MAX)
    location = fields.CharField(max_length=LOCATION_MAX, null=True)
    category = fields.IntField()
    currency = fields.CharField(max_length=12)
    status = fields.CharEnumField(Standing, max_length=40, description="of the shop's life")
    suspended = fields.BooleanField(default=False, description="at its party's wish")
    reason = fields.CharField(max_length=REASON_MAX, null=True, description="why it was blocked, or unblocked")
    contract_id: int
    contract: fields.ForeignKeyRelation[Contract] = fields.ForeignKeyField(
        "models.Contract", related_name="shops", on_delete=fields.RESTRICT
    )
    payout_tool_id: int | None
    payout_tool: fields.ForeignKeyNullableRelation[PayoutTool] = fields.ForeignKeyField(
        "models.PayoutTool", related_name="shops", on_delete=fields.RESTRICT, null=True
    )
    settlement_account = fields.BigIntField()
    guarantee_account = fields.BigIntField()
    payout_account = fields.BigIntField()
    revision = fields.BigIntField(default=0, description="of all that its payouts rest on")
    scheduled = fields.BooleanField(default=False, description="its payouts are made by a schedule: it needs a tool")

    class Meta:
        table = "shop"
        indexes = (Index(fields=("contract_id", "id")), Index(fields=("party_id", "id")))
        constraints = (
            UniqueConstraint(name="shop_once", fields=("party_code", "code")),
            CheckConstraint(name="shop_scheduled_with_a_tool", check="NOT scheduled OR payout_tool_id IS NOT NULL"),
        )

    def audience(self) -> set[str]:
        return {f"party:{self.party_code}", f"shop:{self.party_code}/{self.code}"}


class Domain(Model):
    """How often terms and institutions were changed: one row."""

    one = fields.BooleanField(primary_key=True, default=True)
    revision = fields.BigIntField(default=0)

    class Meta:
        table = "domain"
        constraints = (CheckConstraint(name="domain_is_one", check="one"),)
