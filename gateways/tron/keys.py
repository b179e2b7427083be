"""Addresses of our own, and what signs for them.

The extended public key of m/44'/195'/a' gives deposit addresses, its children 0/i: whoever has it sees what comes in and can
spend nothing. Signing needs the extended private key of the same path, and the key of the main wallet to pay for fees; a
child's private key lives within the call that signs.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from bip_utils.addr.trx_addr import TrxAddrEncoder
from bip_utils.bip.bip32 import Bip32Slip10Secp256k1

from gateways.tron.addresses import valid_address
from gateways.tron.words import Block, Keys, Signed
from models.kernel.clock import now
from settings import settings

if TYPE_CHECKING:
    from tronpy.keys import PrivateKey

ACCOUNT_DEPTH = 3
INDEX_MAX = 2**31 - 1
SUN_MAX, AMOUNT_MAX = 2**63 - 1, 2**256 - 1


def deposit_address(index: int) -> str:
    """The address of the account's child 0/index."""
    return str(TrxAddrEncoder.EncodeKey(_child(_receiving(_public_key()), index).PublicKey().KeyObject()))


def check_addresses() -> None:
    """ValueError names the first setting that is no address, or no extended public key."""
    for name in ("tron_contract", "tron_main_wallet"):
        if not valid_address(getattr(settings(), name)):
            raise ValueError(f"SALDO_{name.upper()} is not an address of Tron")
    _account("SALDO_TRON_PUBLIC_KEY", _public_key(), public=True)


class HotKeys(Keys):
    """Signs with the keys of the settings. They are not kept here, and nothing of it can be shown or sent away."""

    def __init__(self) -> None:
        """ValueError names a setting that does not fit the others."""
        check_addresses()
        private = _account("SALDO_TRON_PRIVATE_KEY", _private_key(), public=False)
        if private.PublicKey().ToExtended() != _public_key():
            raise ValueError("SALDO_TRON_PRIVATE_KEY is not the private half of SALDO_TRON_PUBLIC_KEY")
        if self.can_top_up and _owner(_main_key()) != settings().tron_main_wallet:
            raise ValueError("SALDO_TRON_MAIN_KEY is not the key of SALDO_TRON_MAIN_WALLET")

    def token_transfer(
        self, index: int, to: str, amount: int, *, fee_limit_sun: int, ref: Block, expires_at: datetime
    ) -> Signed:
        from gateways.tron import signing  # noqa: PLC0415  a second to load, and the worker's alone

        _within("amount", amount, AMOUNT_MAX)
        _within("fee_limit_sun", fee_limit_sun, SUN_MAX)
        key = _child_key(index)
        message = signing.token_transfer(_owner(key), settings().tron_contract, to, amount)
        return signing.signed(message, key, ref=ref, at=now(), expires_at=expires_at, fee_limit_sun=fee_limit_sun)

    def top_up(self, to: str, sun: int, *, ref: Block, expires_at: datetime) -> Signed:
        from gateways.tron import signing  # noqa: PLC0415

        _within("sun", sun, SUN_MAX)
        message = signing.trx_transfer(settings().tron_main_wallet, to, sun)
        return signing.signed(message, _main_key(), ref=ref, at=now(), expires_at=expires_at)

    @property
    def can_top_up(self) -> bool:
        return bool(settings().tron_main_key.get_secret_value())

    def __repr__(self) -> str:
        return "HotKeys(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys stay where they are")


def _public_key() -> str:
    return settings().tron_public_key.get_secret_value()


def _private_key() -> str:
    return settings().tron_private_key.get_secret_value()


@lru_cache(maxsize=1)
def _receiving(extended: str) -> Bip32Slip10Secp256k1:
    """The parent of all deposit addresses."""
    return _account("SALDO_TRON_PUBLIC_KEY", extended, public=True).ChildKey(0)


def _account(setting: str, extended: str, *, public: bool) -> Bip32Slip10Secp256k1:
    """The key of an account. Its library's errors are not passed on: they may quote what they were given."""
    if account := _parsed(extended):
        if account.IsPublicOnly() != public:
            raise ValueError(f"{setting} must be a {'public' if public else 'private'} key")
        if int(account.Depth()) != ACCOUNT_DEPTH:
            raise ValueError(f"{setting} must be the key of an account, m/44'/195'/a'")
        return account
    raise ValueError(f"{setting} is not an extended key" if extended else f"{setting} is missing")


def _parsed(extended: str) -> Bip32Slip10Secp256k1 | None:
    try:
        return Bip32Slip10Secp256k1.FromExtendedKey(extended)
    except Exception:  # noqa: BLE001  the library has several, with no common parent
        return None


def _child(parent: Bip32Slip10Secp256k1, index: int) -> Bip32Slip10Secp256k1:
    _within("index", index, INDEX_MAX)
    return parent.ChildKey(index)


def _child_key(index: int) -> PrivateKey:
    from tronpy.keys import PrivateKey  # noqa: PLC0415

    account = _account("SALDO_TRON_PRIVATE_KEY", _private_key(), public=False)
    return PrivateKey(_child(account.ChildKey(0), index).PrivateKey().Raw().ToBytes())


def _main_key() -> PrivateKey:
    from tronpy.keys import PrivateKey  # noqa: PLC0415

    try:
        return PrivateKey(bytes.fromhex(settings().tron_main_key.get_secret_value()))
    except Exception:  # noqa: BLE001  as above
        raise ValueError("SALDO_TRON_MAIN_KEY is not a key in hex") from None


def _owner(key: Any) -> str:
    return str(key.public_key.to_base58check_address())


def _within(name: str, number: int, most: int) -> None:
    if not 0 <= number <= most:
        raise ValueError(f"{name} must be from 0 to {most}")
