"""What a process is given, and which setting is named where one is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from bip_utils.addr.trx_addr import TrxAddrEncoder
from bip_utils.bip.bip32 import Bip32Slip10Secp256k1 as Bip32
from tronpy.keys import PrivateKey

from gateways import bank
from gateways.tron.keys import HotKeys
from gateways.tron.node import HttpNode
from gateways.wiring import WEBHOOKS, check_api, check_worker, issuers, worker_gateways
from settings import DEVELOPMENT_TRON as TRON

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
    assert {"bank": bank.verify} == WEBHOOKS


async def test_a_worker_has_the_node_and_the_keys():
    async with worker_gateways() as made:
        assert isinstance(made.node, HttpNode)
        assert isinstance(made.keys, HotKeys)


async def test_what_has_no_settings_is_absent(knobs):
    knobs(**{name: value for name, value in PRODUCTION.items() if not name.startswith("tron_")})
    async with worker_gateways() as made:
        assert (made.node, made.keys) == (None, None)
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
