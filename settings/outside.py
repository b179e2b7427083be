"""The knobs of the outside world: where each system is, how it knows us, and how long it is waited for."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

# Published keys of the phrase "abandon … about": worth nothing, and refused in production.
DEVELOPMENT_TRON = {
    "tron_contract": "TDcj5wXy831UZdN5fkMuXK5PFktfzJDg3e",
    "tron_main_wallet": "TLrpNTBuCpGMrB9TyVwgEhNVRhtWEQPHh4",
    "tron_main_key": "fe06186947bc68444a097c97cce54cbc6ec8344313173346f1fc6d1f68876cd9",
    "tron_public_key": "xpub6D1AabNHCupeiLM65ZR9UStMhJ1vCpyV4XbZdyhMZBiJXALQtmn9p42VTQckoHVn8WNqS7dqnJokZHAHcHGoaQgmv8D45oNUKx6DZMNZBCd",  # noqa: E501  a key is one word
    "tron_private_key": "xprv9z1pB5qPNYGMVrGcyXt97Jwd9GBRoNFdhJfxqbHjzrBKeN1GMETuGFi1c73SQkP8kkKz5MVoMtLRcsDWggUcaPF32AXN4qNsNWBoJbaHcQ7",  # noqa: E501  a key is one word
}
DEVELOPMENT_BANK_SECRET = "development-only-bank-secret-which-production-refuses"
DEVELOPMENT_SECRETS = {
    "bank_secret": DEVELOPMENT_BANK_SECRET,
    "providers_secret": "development-only-providers-secret-which-production-refuses",
    "webhook_secret": "development-only-webhook-secret-which-production-refuses",
}
DEVELOPMENT_TOKENS = {
    f"{system}_token": f"development-only-{system}-token-which-production-refuses"
    for system in ("wallets", "transfers", "billing", "providers", "support")
}


class Outside(BaseModel):
    env: Literal["production", "development"] = "production"
    port: int = Field(default=8000, ge=1, le=65535, description="the API's; the worker's health is port + 1")

    # the outside world: what all systems share
    outside_timeout_seconds: float = Field(
        default=5, ge=0.05, le=60, description="of one call, from first to last byte"
    )
    outside_connect_seconds: float = Field(default=2, ge=0.05, le=30)
    outside_connections_max: int = Field(default=400, ge=1, le=1_000, description="to one system")
    outside_answer_max_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    errand_timeout_seconds: float = Field(
        default=15, ge=0.1, le=120, description="of all that one request asks outside before it is answered"
    )
    errands_timeout_seconds: float = Field(default=60, ge=1, le=600, description="of a request over many")
    sandbox_block_seconds: float = Field(default=1, ge=0, le=60, description="of the sandbox's chain; 0: mined by hand")
    sandbox_solid_after: int = Field(default=2, ge=0, le=100, description="blocks until one is solid there; Tron's 19")

    # Tron; in production nothing is offered without tron_url, and with it the next three are needed
    tron_url: str = Field(default="", description="https://… of a node's HTTP API; development: the sandbox")
    tron_api_key: SecretStr = Field(default=SecretStr(""), description="sent as TRON-PRO-API-KEY")
    tron_contract: str = Field(default="", description="address of the USDT contract; any other token is worth nothing")
    tron_main_wallet: str = Field(default="", description="address to which deposits are swept")
    tron_public_key: SecretStr = Field(
        default=SecretStr(""), description="extended public key m/44'/195'/a': deposit addresses are its children 0/i"
    )
    tron_private_key: SecretStr = Field(
        default=SecretStr(""), description="the extended private key of the same path; the worker's alone"
    )
    tron_main_key: SecretStr = Field(
        default=SecretStr(""), description="hex key of the main wallet, to send TRX for fees; the worker's alone"
    )
    tron_scan_blocks: int = Field(default=400, ge=1, le=10_000, description="that one tick scans at most")
    tron_scan_at_once: int = Field(default=8, ge=1, le=64)
    tron_expiry_seconds: int = Field(
        default=300,
        ge=180,
        le=3_600,
        description="within which a sweep must be in a block, from the last solid one on, which is a minute old",
    )
    tron_sweep_min_minor: int = Field(default=5_000_000, ge=0, description="in USDT's units: less is left where it is")
    tron_energy: Literal["burn", "delegated"] = Field(
        default="burn", description="delegated: a sweep waits for energy instead of burning TRX"
    )
    tron_fee_max_sun: int = Field(default=60_000_000, ge=1_000_000, le=15_000_000_000, description="of one sweep")

    # a bank account that people pay to, with a reference
    bank_secret: SecretStr = Field(default=SecretStr(""), description="signs the bank's webhooks, 32 bytes or more")
    bank_account: str = Field(default="", max_length=64, description="IBAN or number that people pay to")
    bank_beneficiary: str = Field(default="", max_length=128, description="whose account it is")
    bank_age_max_seconds: int = Field(default=300, ge=10, le=86_400, description="of a webhook, by its signature")

    # where payouts are sent; development: the sandbox
    wallets_url: str = Field(default="", description="https://… of the wallet system; empty: no wallet is paid")
    wallets_token: SecretStr = Field(default=SecretStr(""), description="a bearer token; the worker's alone")
    transfers_url: str = Field(default="", description="https://… of a bank that takes orders; empty: paid by hand")
    transfers_token: SecretStr = Field(default=SecretStr(""), description="a bearer token; the worker's alone")
    transfers_enabled: bool = Field(default=True, description="false: bank accounts are paid by hand all the same")

    # billing, whose payments are disputed, and the adapters of the providers that took them
    billing_url: str = Field(default="", description="https://… of billing; empty: no payment can be disputed")
    billing_token: SecretStr = Field(default=SecretStr(""), description="a bearer token")
    providers_token: SecretStr = Field(default=SecretStr(""), description="a bearer token that all adapters know")
    providers_secret: SecretStr = Field(default=SecretStr(""), description="signs their webhooks, 32 bytes or more")
    providers_age_max_seconds: int = Field(default=300, ge=10, le=86_400, description="of a webhook of theirs")
    provider_timeout_seconds: float = Field(default=10, ge=0.05, le=60, description="of one call of an adapter")
    dispute_terminals_cache_seconds: int = Field(
        default=60, ge=0, le=86_400, description="for which a terminal's options are remembered"
    )

    # the support desk
    support_url: str = Field(
        default="", description="https://… of the support desk, for API and worker alike; empty: the house's own people"
    )
    support_token: SecretStr = Field(default=SecretStr(""), description="a bearer token; the worker's alone")
    support_enabled: bool = Field(default=True, description="false: disputes are no business of the desk")

    # merchants' own servers
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="of this the secrets are made that merchants know us by, 32 bytes or more"
    )
    webhooks_anywhere: bool = Field(
        default=False, description="plain http and inner addresses too (development): for tests, and the sandbox"
    )
    receiver_timeout_seconds: float = Field(default=10, ge=0.05, le=60, description="of one message to a merchant")
    receiver_lookups_at_once: int = Field(default=8, ge=1, le=100, description="of the names of merchants' servers")

    @model_validator(mode="before")
    @classmethod
    def _development_has_a_sandbox(cls, given: dict[str, Any]) -> dict[str, Any]:
        """What is not said in development is what the sandbox plays; its address hangs on the port."""
        if given.get("env") != "development":
            return given
        bank = {"bank_account": "SANDBOX-0001", "bank_beneficiary": "Saldo"}
        return DEVELOPMENT_TRON | DEVELOPMENT_SECRETS | DEVELOPMENT_TOKENS | bank | given

    @model_validator(mode="after")
    def _the_outside_is_whole(self) -> Self:
        """A system is offered whole or not at all, over https, and in production never with what is published here."""
        if self.env == "development":
            return self
        for name in ("tron_url", "wallets_url", "transfers_url", "billing_url", "support_url"):
            if getattr(self, name) and not getattr(self, name).startswith("https://"):
                raise ValueError(f"SALDO_{name.upper()} must be https")
        published = {**DEVELOPMENT_TRON, **DEVELOPMENT_TOKENS, **DEVELOPMENT_SECRETS}
        for name, value in published.items():
            if _said(getattr(self, name)) == value:
                raise ValueError(f"SALDO_{name.upper()} is published: it is for development")
        return self

    @model_validator(mode="after")
    def _money_from_outside_is_whole(self) -> Self:
        if self.env == "development":
            return self
        if self.tron_url:
            needed = ("tron_contract", "tron_main_wallet", "tron_public_key")
            if missing := [f"SALDO_{name.upper()}" for name in needed if not _said(getattr(self, name))]:
                raise ValueError(f"SALDO_TRON_URL needs {', '.join(missing)}")
        if self.bank_account and len(_said(self.bank_secret).encode()) < 32:
            raise ValueError("SALDO_BANK_ACCOUNT needs SALDO_BANK_SECRET, 32 bytes or more")
        return self

    @model_validator(mode="after")
    def _disputes_are_whole(self) -> Self:
        if self.env == "development":
            return self
        if self.billing_url and len(_said(self.webhook_secret).encode()) < 32:
            raise ValueError("SALDO_BILLING_URL needs SALDO_WEBHOOK_SECRET, 32 bytes or more")
        if 0 < len(_said(self.providers_secret).encode()) < 32:
            raise ValueError("SALDO_PROVIDERS_SECRET must have 32 bytes or more")
        if self.webhooks_anywhere:
            raise ValueError("SALDO_WEBHOOKS_ANYWHERE is for development")
        return self

    @property
    def sandbox_port(self) -> int:
        """Behind the API's and the worker's."""
        return self.port + 2

    @property
    def tron_node(self) -> str:
        """Where the node is; empty where Tron is not offered."""
        return self.tron_url or self._sandbox("tron")

    @property
    def wallets_system(self) -> str:
        """Where the wallet system is; empty where no wallet is paid."""
        return self.wallets_url or self._sandbox("wallets")

    @property
    def transfers_system(self) -> str:
        """Where the bank takes payment orders; empty where they are given by hand."""
        return (self.transfers_url or self._sandbox("transfers")) if self.transfers_enabled else ""

    @property
    def billing_system(self) -> str:
        """Where billing is; empty where no payment can be disputed."""
        return self.billing_url or self._sandbox("billing")

    @property
    def support_system(self) -> str:
        """Where the support desk is; empty where the house's own people are it."""
        return (self.support_url or self._sandbox("support")) if self.support_enabled else ""

    @property
    def webhooks_signed_with(self) -> str:
        """Of this the secrets of merchants are made; empty where none is told anything."""
        return _said(self.webhook_secret)

    def _sandbox(self, system: str) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}/{system}" if self.env == "development" else ""


def _said(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
