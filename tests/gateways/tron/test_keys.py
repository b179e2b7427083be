"""Addresses by the standard, and transactions that their owner signed and nobody else had a say in."""

from __future__ import annotations

import copy
import pickle
import traceback
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from bip_utils.bip.bip32 import Bip32Slip10Secp256k1 as Bip32
from hypothesis import given
from hypothesis import strategies as st
from tronpy.keys import Signature, is_base58check_address, to_base58check_address
from tronpy.proto import calculate_txid_from_raw_data, tron_pb2

from gateways.tron.account import check_addresses, deposit_address
from gateways.tron.addresses import address_of, body_of, body_told, raw_of, valid_address
from gateways.tron.keys import HotKeys
from gateways.tron.words import Block
from settings.outside import DEVELOPMENT_TRON as TRON

MAIN, CONTRACT = TRON["tron_main_wallet"], TRON["tron_contract"]
AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
REF = Block(0x1234_5678, f"{0x1234_5678:016x}" + "0123456789abcdef" * 3, AT)
EXPIRY = AT + timedelta(minutes=5)
SECRETS = [TRON[name] for name in ("tron_public_key", "tron_private_key", "tron_main_key")]


def swept(keys: HotKeys, index: int = 7, amount: int = 5_000_000, to: str = MAIN):
    return keys.token_transfer(index, to, amount, fee_limit_sun=30_000_000, ref=REF, expires_at=EXPIRY)


def opened(raw: str):
    """The transaction as a node reads it, and who signed it."""
    whole = tron_pb2.Transaction.FromString(bytes.fromhex(raw))
    digest = sha256(whole.raw_data.SerializeToString()).digest()
    signer = Signature(whole.signature[0]).recover_public_key_from_msg_hash(digest)
    return whole, digest.hex(), signer.to_base58check_address()


# --- addresses


@pytest.mark.parametrize(
    ("index", "address"),
    [(0, "TUEZSdKsoDHQMeZwihtdoBiN46zxhGWYdH"), (99, "TTTFe9haCY6CACG9iTM8uyL89pFEPy4ctW")],
)
def test_deposit_addresses_are_fixed_for_ever(index, address):
    assert deposit_address(index) == address
    assert deposit_address(index) == address


@given(st.integers(0, 2**31 - 1))
def test_each_index_has_an_address_of_its_own(index):
    address = deposit_address(index)
    assert valid_address(address)
    assert address != deposit_address(index ^ 1)


@pytest.mark.parametrize("index", [-1, 2**31, 2**32])
def test_an_index_out_of_range_is_no_address(index):
    with pytest.raises(ValueError, match="index"):
        deposit_address(index)


@given(st.binary(min_size=20, max_size=20))
def test_an_address_is_read_and_written_as_tronpy_does(body):
    address = address_of(body)
    assert address == to_base58check_address(b"\x41" + body)
    assert body_of(address) == body
    assert raw_of(address) == b"\x41" + body
    assert is_base58check_address(address)
    for written in (address, body.hex(), body.hex().upper(), "41" + body.hex()):
        assert body_told(written) == body


@given(st.text())
def test_any_text_may_be_asked_whether_it_is_an_address(text):
    assert not valid_address(text)
    with pytest.raises(ValueError):
        body_told(text)


@pytest.mark.parametrize(
    "text",
    ["", MAIN[:-1], MAIN[:-1] + "5", MAIN.lower(), MAIN + MAIN, f" {MAIN}", "41" + "0" * 40, "0x" + "0" * 40, "1" * 60],
)
def test_what_is_no_address_is_not_valid(text):
    assert not valid_address(text)


# --- signing


def test_a_transfer_of_the_token():
    signed = swept(HotKeys())
    whole, id, signer = opened(signed.raw)
    assert (signed.tx_id, signed.expires_at) == (id, EXPIRY)
    assert signer == deposit_address(7)
    raw = whole.raw_data
    assert (raw.ref_block_bytes.hex(), raw.ref_block_hash.hex()) == (REF.id[12:16], REF.id[16:32])
    assert raw.expiration == int(EXPIRY.timestamp() * 1000)
    assert raw.fee_limit == 30_000_000
    [contract] = raw.contract
    assert contract.type == 31
    assert contract.parameter.type_url == "type.googleapis.com/protocol.TriggerSmartContract"
    call = tron_pb2.TriggerSmartContract.FromString(contract.parameter.value)
    assert (call.owner_address, call.contract_address) == (raw_of(signer), raw_of(CONTRACT))
    assert call.data.hex() == "a9059cbb" + "0" * 24 + body_of(MAIN).hex() + f"{5_000_000:064x}"
    assert (call.call_value, call.call_token_value, len(whole.signature)) == (0, 0, 1)


def test_a_top_up_of_trx():
    signed = HotKeys().top_up(deposit_address(7), 1_100_000, ref=REF, expires_at=EXPIRY)
    whole, id, signer = opened(signed.raw)
    assert (signed.tx_id, signer) == (id, MAIN)
    [contract] = whole.raw_data.contract
    assert (contract.type, contract.parameter.type_url) == (1, "type.googleapis.com/protocol.TransferContract")
    sent = tron_pb2.TransferContract.FromString(contract.parameter.value)
    assert (sent.owner_address, sent.to_address, sent.amount) == (raw_of(MAIN), raw_of(deposit_address(7)), 1_100_000)
    assert whole.raw_data.fee_limit == 0


def test_the_id_is_what_tronpy_makes_of_the_same():
    signed = swept(HotKeys())
    raw = opened(signed.raw)[0].raw_data
    call = tron_pb2.TriggerSmartContract.FromString(raw.contract[0].parameter.value)
    told = {
        "contract": [
            {
                "type": "TriggerSmartContract",
                "parameter": {
                    "type_url": raw.contract[0].parameter.type_url,
                    "value": {
                        "owner_address": deposit_address(7),
                        "contract_address": CONTRACT,
                        "data": call.data.hex(),
                    },
                },
            }
        ],
        "ref_block_bytes": REF.id[12:16],
        "ref_block_hash": REF.id[16:32],
        "expiration": raw.expiration,
        "timestamp": raw.timestamp,
        "fee_limit": raw.fee_limit,
    }
    assert calculate_txid_from_raw_data(told) == signed.tx_id


def test_the_same_signed_at_the_same_moment_is_the_same(monkeypatch):
    monkeypatch.setattr("gateways.tron.keys.now", lambda: AT)
    assert swept(HotKeys()) == swept(HotKeys())
    assert len({swept(HotKeys(), index, amount).tx_id for index in (1, 2) for amount in (1, 2)}) == 4


@pytest.mark.parametrize("amount", [0, 1, 2**63, 2**256 - 1])
def test_amounts_that_a_contract_knows(amount):
    call = tron_pb2.TriggerSmartContract.FromString(
        opened(swept(HotKeys(), 1, amount).raw)[0].raw_data.contract[0].parameter.value
    )
    assert int.from_bytes(call.data[-32:], "big") == amount


def test_what_cannot_be_signed():
    keys = HotKeys()
    for wrong in (
        lambda: swept(keys, amount=-1),
        lambda: swept(keys, amount=2**256),
        lambda: swept(keys, index=2**31),
        lambda: swept(keys, to="nowhere"),
        lambda: keys.top_up(MAIN, 2**63, ref=REF, expires_at=EXPIRY),
    ):
        with pytest.raises(ValueError):
            wrong()


# --- settings that must fit


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("tron_contract", MAIN[:-1], "SALDO_TRON_CONTRACT is not an address"),
        ("tron_main_wallet", "", "SALDO_TRON_MAIN_WALLET is not an address"),
        ("tron_public_key", "", "SALDO_TRON_PUBLIC_KEY is missing"),
        ("tron_public_key", "xpub-of-somebody", "SALDO_TRON_PUBLIC_KEY is not an extended key"),
        ("tron_public_key", TRON["tron_private_key"], "SALDO_TRON_PUBLIC_KEY must be a public key"),
        ("tron_private_key", "", "SALDO_TRON_PRIVATE_KEY is missing"),
        ("tron_private_key", TRON["tron_public_key"], "SALDO_TRON_PRIVATE_KEY must be a private key"),
        ("tron_private_key", TRON["tron_private_key"][:-1] + "8", "SALDO_TRON_PRIVATE_KEY is not an extended key"),
        ("tron_main_key", "zz", "SALDO_TRON_MAIN_KEY is not a key"),
        ("tron_main_key", "00" * 32, "SALDO_TRON_MAIN_KEY is not a key"),
        ("tron_main_key", "11" * 32, "SALDO_TRON_MAIN_KEY is not the key of SALDO_TRON_MAIN_WALLET"),
    ],
)
def test_a_wrong_setting_is_named_and_not_told(knobs, name, value, complaint):
    knobs(**{name: value})
    with pytest.raises(ValueError, match=complaint) as caught:
        HotKeys()
    told = "".join(traceback.format_exception(caught.value))
    assert not value or value not in told


def test_keys_of_two_accounts_do_not_fit(knobs):
    root = Bip32.FromSeed(b"another seed, as good as any")
    other, deeper = root.DerivePath("m/44'/195'/0'"), root.DerivePath("m/44'/195'/0'/0")
    knobs(tron_private_key=other.PrivateKey().ToExtended())
    with pytest.raises(ValueError, match="is not the private half of SALDO_TRON_PUBLIC_KEY"):
        HotKeys()
    knobs(tron_public_key=deeper.PublicKey().ToExtended())
    with pytest.raises(ValueError, match="SALDO_TRON_PUBLIC_KEY must be the key of an account"):
        check_addresses()


def test_another_account_has_other_addresses(knobs):
    before = deposit_address(0)
    other = Bip32.FromSeed(b"another seed, as good as any").DerivePath("m/44'/195'/0'")
    knobs(tron_public_key=other.PublicKey().ToExtended(), tron_private_key=other.PrivateKey().ToExtended())
    address = deposit_address(0)
    assert address != before
    assert opened(swept(HotKeys(), 0).raw)[2] == address


def test_without_the_main_key_nothing_is_topped_up(knobs):
    assert HotKeys().can_top_up
    knobs(tron_main_key="")
    keys = HotKeys()
    assert not keys.can_top_up
    with pytest.raises(ValueError, match="SALDO_TRON_MAIN_KEY"):
        keys.top_up(MAIN, 1, ref=REF, expires_at=EXPIRY)
    assert opened(swept(keys).raw)[2] == deposit_address(7)


def test_keys_show_nothing():
    keys = HotKeys()
    signed = swept(keys)
    told = f"{keys!r} {keys} {vars(type(keys))} {signed}"
    assert not [secret for secret in SECRETS if secret in told]
    assert vars(keys) == {}
    for send in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="stay where they are"):
            send(keys)
