"""What a process is given, and which setting is named where one is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from bip_utils.addr.trx_addr import TrxAddrEncoder
from bip_utils.bip.bip32 import Bip32Slip10Secp256k1 as Bip32
from structlog.testing import capture_logs
from tronpy.keys import PrivateKey

from gateways import bank, providers
from gateways.billing import HttpBilling
from gateways.providers import HttpProviders
from gateways.receivers import HttpReceivers
from gateways.support import HttpSupport
from gateways.transfers import HttpTransfers
from gateways.tron.keys import HotKeys
from gateways.tron.node import HttpNode
from gateways.wallets import HttpWallets
from gateways.wiring import (
    WEBHOOKS,
    ApiGateways,
    Gateways,
    api_gateways,
    check_api,
    check_worker,
    issuers,
    worker_gateways,
)
from settings import Settings, settings
from settings.outside import DEVELOPMENT_SECRETS, DEVELOPMENT_TOKENS
from settings.outside import DEVELOPMENT_TRON as TRON

ACCOUNT = Bip32.FromSeed(b"keys of a house that is not published").DerivePath("m/44'/195'/0'")
ACCOUNT_0 = TrxAddrEncoder.EncodeKey(ACCOUNT.DerivePath("0/0").PublicKey().KeyObject())
MAIN = PrivateKey.from_passphrase(b"the main wallet of that house")
PRODUCTION = {
    "env": "production",
    "database_url": "postgres://x",
    "redis_url": "redis://x",
    "token_secret": "t" * 32,
    "tron_url": "https://node.example",
    "tron_contract": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
    "tron_main_wallet": MAIN.public_key.to_base58check_address(),
    "tron_public_key": ACCOUNT.PublicKey().ToExtended(),
}
BARE = {name: value for name, value in PRODUCTION.items() if not name.startswith("tron_")}
SENDING = {"wallets_url": "https://wallets.example", "transfers_url": "https://bank.example/v1"}
TOKENS = {"wallets_token": "w-token", "transfers_token": "t-token"}
PRIVATE = {"tron_private_key": ACCOUNT.PrivateKey().ToExtended()}
BANK = {"bank_account": "DE00 1234", "bank_secret": "b" * 32, "bank_beneficiary": "House"}


def test_the_api_issues_and_verifies_and_asks_nobody():
    check_api()
    assert issuers()["tron"](99) == {
        "network": "tron",
        "address": "TTTFe9haCY6CACG9iTM8uyL89pFEPy4ctW",
        "contract": TRON["tron_contract"],
    }
    assert issuers()["bank_transfer"](12345) == {
        "reference": "RF7812345",
        "account": "SANDBOX-0001",
        "beneficiary": "Saldo",
    }
    assert {"bank": bank.verify, "providers": providers.verify} == WEBHOOKS


async def test_a_worker_has_the_node_and_the_keys():
    async with worker_gateways() as made:
        assert isinstance(made.node, HttpNode)
        assert isinstance(made.keys, HotKeys)


async def test_what_has_no_settings_is_absent(knobs):
    knobs(**BARE)
    async with worker_gateways() as made:
        assert made == Gateways(None, None, None, None)
        assert not any(map(made.payer, ("wallet", "russian_bank_account", "international_bank_account")))
    check_api()
    assert not issuers()


@pytest.mark.parametrize("name", ["bank_account", "bank_secret"])
def test_a_bank_that_is_half_told_is_absent(knobs, name):
    knobs(**{name: ""})
    assert set(issuers()) == {"tron"}


async def test_a_development_without_private_key_only_watches(knobs):
    knobs(tron_private_key="", tron_main_key="")
    async with worker_gateways() as made:
        assert made.keys is None
        assert made.node is not None


async def test_production(knobs):
    knobs(**PRODUCTION, **BANK)
    check_api()
    assert set(issuers()) == {"tron", "bank_transfer"}
    assert issuers()["tron"](0)["address"] == ACCOUNT_0
    assert issuers()["bank_transfer"](1)["account"] == "DE00 1234"
    with pytest.raises(ValueError, match="SALDO_TRON_URL needs SALDO_TRON_PRIVATE_KEY"):
        check_worker()
    knobs(**PRIVATE)
    with pytest.raises(ValueError, match="SALDO_TRON_ENERGY=burn needs SALDO_TRON_MAIN_KEY"):
        check_worker()
    knobs(tron_energy="delegated")
    check_worker()
    with pytest.raises(ValueError, match="SALDO_TRON_PRIVATE_KEY is the worker's alone"):
        check_api()
    knobs(tron_private_key="", tron_main_key="22" * 32)
    with pytest.raises(ValueError, match="SALDO_TRON_MAIN_KEY is the worker's alone"):
        check_api()
    knobs(**PRIVATE)
    with pytest.raises(ValueError, match="SALDO_TRON_MAIN_KEY is not the key of SALDO_TRON_MAIN_WALLET"):
        check_worker()
    knobs(tron_main_key=MAIN.hex(), tron_energy="burn")
    check_worker()
    knobs(tron_private_key="")
    with pytest.raises(ValueError, match="SALDO_TRON_MAIN_KEY is the worker's alone"):
        check_api()
    knobs(**PRIVATE)
    async with worker_gateways() as made:
        assert made.keys is not None
        assert made.keys.can_top_up


@pytest.mark.parametrize("name", ["tron_contract", "tron_main_wallet", "tron_public_key"])
async def test_both_name_what_is_wrong(knobs, name):
    knobs(**PRODUCTION | {name: "wrong"})
    with pytest.raises(ValueError, match=f"SALDO_{name.upper()} is not"):
        check_api()
    knobs(**PRIVATE, tron_main_key=MAIN.hex())
    with pytest.raises(ValueError, match=f"SALDO_{name.upper()} is not"):
        check_worker()


async def test_money_needs_somebody_whom_it_is_for(knobs):
    knobs(**PRODUCTION | BANK | {"bank_beneficiary": ""})
    with pytest.raises(ValueError, match="SALDO_BANK_ACCOUNT needs SALDO_BANK_BENEFICIARY"):
        check_api()


def test_the_api_does_not_load_what_signs():
    code = "import sys; from gateways.wiring import *; check_api(); issuers()['tron'](0); sys.exit('tronpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- where payouts are sent


async def test_a_worker_sends_to_wallets_and_to_banks_and_closes_both():
    async with worker_gateways() as made:
        assert isinstance(made.wallets, HttpWallets)
        assert isinstance(made.transfers, HttpTransfers)
        assert made.payer("wallet") is made.wallets
        assert made.payer("russian_bank_account") is made.payer("international_bank_account") is made.transfers
        assert (made.payer("payment_institution"), made.payer("")) == (None, None)
        asked = [payer._outside for payer in (made.wallets, made.transfers)]
        assert [one._url for one in asked] == ["http://127.0.0.1:8002/wallets", "http://127.0.0.1:8002/transfers"]
        clients = [one._client for one in asked]
        assert not [client for client in clients if client.closed]
    assert all(client.closed for client in clients)


async def test_bank_payouts_by_hand_have_no_gateway(knobs):
    knobs(transfers_enabled=False)
    async with worker_gateways() as made:
        assert (made.transfers, made.payer("russian_bank_account")) == (None, None)
        assert made.payer("wallet") is not None
    knobs(**BARE, **SENDING, **TOKENS)
    assert (settings().transfers_system, settings().wallets_system) == ("", "https://wallets.example")
    knobs(transfers_enabled=True, transfers_url="")
    assert settings().transfers_system == ""
    async with worker_gateways() as made:
        assert isinstance(made.wallets, HttpWallets)
        assert made.transfers is None


async def test_production_sends_with_tokens_that_are_the_workers_alone(knobs):
    knobs(**BARE, **SENDING)
    check_api()
    for name in ("wallets", "transfers"):
        told = f"SALDO_{name.upper()}_URL needs SALDO_{name.upper()}_TOKEN in the worker"
        with pytest.raises(ValueError, match=told):
            check_worker()
        knobs(**{f"{name}_token": TOKENS[f"{name}_token"]})
        with pytest.raises(ValueError, match=f"SALDO_{name.upper()}_TOKEN is the worker's alone"):
            check_api()
        if name == "wallets":
            knobs(wallets_url="", wallets_token="")
    knobs(**SENDING, **TOKENS)
    async with worker_gateways() as made:
        sent = [payer._outside._client.headers["Authorization"] for payer in (made.wallets, made.transfers)]
    assert sent == ["Bearer w-token", "Bearer t-token"]


@pytest.mark.parametrize("name", SENDING)
@pytest.mark.parametrize("url", ["https://", "https://bank:nonsense", "https:///path"])
def test_an_address_that_is_none_is_named(knobs, name, url):
    knobs(**BARE | SENDING | TOKENS | {name: url})
    with pytest.raises(ValueError, match=f"SALDO_{name.upper()} is no address"):
        check_worker()


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("token", ["with a blank", "zwölf", "two\nlines"])
def test_a_token_that_no_header_takes_is_named_and_not_shown(knobs, name, token):
    knobs(**BARE, **SENDING, **TOKENS | {name: token})
    with (
        capture_logs() as lines,
        pytest.raises(ValueError, match=f"SALDO_{name.upper()} must be of visible ASCII") as no,
    ):
        check_worker()
    assert token not in str(no.value) + repr(lines) + repr(settings())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"wallets_url": "http://wallets.example"}, "SALDO_WALLETS_URL must be https"),
        ({"transfers_url": "ftp://bank.example"}, "SALDO_TRANSFERS_URL must be https"),
        *[({name: token}, f"SALDO_{name.upper()} is published") for name, token in DEVELOPMENT_TOKENS.items()],
    ],
)
def test_production_refuses_plain_http_and_what_is_published(knobs, given, told):
    knobs(**BARE | SENDING | TOKENS | given)
    with pytest.raises(ValueError, match=told):
        Settings()


def test_development_sends_to_the_sandbox_beside_it(knobs):
    knobs(port=9_000)
    assert settings().wallets_system == "http://127.0.0.1:9002/wallets"
    assert settings().transfers_system == "http://127.0.0.1:9002/transfers"
    assert settings().tron_node == "http://127.0.0.1:9002/tron"
    knobs(wallets_url="http://elsewhere/w", transfers_url="http://elsewhere/t")
    assert (settings().wallets_system, settings().transfers_system) == ("http://elsewhere/w", "http://elsewhere/t")
    shown = repr(settings()) + str(settings())
    assert not [token for token in DEVELOPMENT_TOKENS.values() if token in shown]


# --- who is asked about disputes

DISPUTES = {"billing_url": "https://billing.example", "webhook_secret": "w" * 32, "storage_url": "s3://files"}
KNOWN_BY = {"billing_token": "b-token", "providers_token": "p-token"}
DESK = {"support_url": "https://desk.example", "support_token": "s-token"}


async def test_both_processes_ask_billing_providers_and_merchants_and_the_worker_the_desk():
    async with worker_gateways() as made, api_gateways() as asked:
        for one in (made, asked):
            assert isinstance(one.billing, HttpBilling)
            assert isinstance(one.providers, HttpProviders)
            assert isinstance(one.receivers, HttpReceivers)
        assert isinstance(made.support, HttpSupport)
        assert not hasattr(asked, "support")
        held = [
            made.billing,
            made.providers,
            made.receivers,
            made.support,
            asked.billing,
            asked.providers,
            asked.receivers,
        ]
        assert [one._outside._url for one in held] == [
            "http://127.0.0.1:8002/billing", "", "", "http://127.0.0.1:8002/support", "http://127.0.0.1:8002/billing", "", "",
        ]  # fmt: skip
        clients = [one._outside._client for one in held]
        assert not [client for client in clients if client.closed]
        tokens = ["billing", "providers", "", "support", "billing", "providers", ""]
        sent = [f"Bearer {DEVELOPMENT_TOKENS[f'{name}_token']}" if name else None for name in tokens]
        assert [client.headers.get("Authorization") for client in clients] == sent
    assert all(client.closed for client in clients)


async def test_without_billing_nobody_is_asked_about_disputes(knobs):
    knobs(**BARE)
    async with api_gateways() as asked:
        assert asked == ApiGateways()
    knobs(**BARE, **DISPUTES, **KNOWN_BY)
    async with worker_gateways() as made:
        assert made.billing is not None
        assert made.support is None
    knobs(**BARE, **DESK)
    async with worker_gateways() as made:
        assert made.support is not None
    knobs(support_enabled=False)
    assert settings().support_system == ""


@pytest.mark.parametrize("missing", KNOWN_BY)
def test_billing_needs_the_tokens_in_both_processes(knobs, missing):
    knobs(**BARE, **DISPUTES, **KNOWN_BY | {missing: ""})
    for check in (check_api, check_worker):
        with pytest.raises(ValueError, match=f"SALDO_BILLING_URL needs SALDO_{missing.upper()}"):
            check()
    knobs(**KNOWN_BY)
    check_api()
    check_worker()


def test_the_desk_is_the_workers_alone(knobs):
    knobs(**BARE, **DESK)
    check_worker()
    with pytest.raises(ValueError, match="SALDO_SUPPORT_TOKEN is the worker's alone"):
        check_api()
    knobs(support_token="")
    check_api()
    with pytest.raises(ValueError, match="SALDO_SUPPORT_URL needs SALDO_SUPPORT_TOKEN in the worker"):
        check_worker()


@pytest.mark.parametrize("name", [*KNOWN_BY, "support_token"])
def test_a_token_for_disputes_that_no_header_takes_is_named_and_not_shown(knobs, name):
    knobs(**BARE, **DISPUTES, **KNOWN_BY | DESK | {name: "two\nlines"})
    with pytest.raises(ValueError, match=f"SALDO_{name.upper()} must be of visible ASCII") as no:
        check_worker()
    assert "two" not in str(no.value) + repr(settings())


@pytest.mark.parametrize("name", ["billing_url", "support_url"])
def test_an_address_for_disputes_that_is_none_is_named(knobs, name):
    knobs(**BARE | DISPUTES | KNOWN_BY | DESK | {name: "https://host:nonsense"})
    with pytest.raises(ValueError, match=f"SALDO_{name.upper()} is no address"):
        check_worker()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"billing_url": "http://billing.example"}, "SALDO_BILLING_URL must be https"),
        ({"support_url": "http://desk.example"}, "SALDO_SUPPORT_URL must be https"),
        ({"storage_url": ""}, "SALDO_BILLING_URL needs SALDO_STORAGE_URL, or SALDO_ATTACHMENT_SECRET"),
        ({"webhook_secret": ""}, "SALDO_BILLING_URL needs SALDO_WEBHOOK_SECRET, 32 bytes or more"),
        ({"webhook_secret": "w" * 31}, "SALDO_BILLING_URL needs SALDO_WEBHOOK_SECRET, 32 bytes or more"),
        ({"providers_secret": "p" * 31}, "SALDO_PROVIDERS_SECRET must have 32 bytes or more"),
        ({"webhooks_anywhere": True}, "SALDO_WEBHOOKS_ANYWHERE is for development"),
        *[({name: secret}, f"SALDO_{name.upper()} is published") for name, secret in DEVELOPMENT_SECRETS.items()],
    ],
)
def test_production_refuses_what_is_unsafe_for_disputes(knobs, given, told):
    knobs(**BARE | DISPUTES | KNOWN_BY)
    Settings()
    knobs(**given)
    with pytest.raises(ValueError, match=told):
        Settings()


def test_nothing_that_is_published_is_shown():
    shown = repr(settings()) + str(settings())
    assert not [secret for secret in (*DEVELOPMENT_SECRETS.values(), *DEVELOPMENT_TOKENS.values()) if secret in shown]
