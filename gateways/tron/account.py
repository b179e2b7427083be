"""The account whose addresses we hand out, by its extended keys of m/44'/195'/a'.

The public one gives deposit addresses, the account's children 0/i: whoever has it sees what comes in and can spend nothing.
"""

from __future__ import annotations

from functools import lru_cache

from bip_utils.addr.trx_addr import TrxAddrEncoder
from bip_utils.bip.bip32 import Bip32Slip10Secp256k1 as Bip32

from gateways.tron.addresses import valid_address
from settings import settings

DEPTH = 3
INDEX_MAX = 2**31 - 1


def deposit_address(index: int) -> str:
    """The address of the account's child 0/index."""
    return str(TrxAddrEncoder.EncodeKey(child(_receiving(_public()), index).PublicKey().KeyObject()))


def check_addresses() -> None:
    """ValueError names the first setting that is no address, or no extended public key."""
    for name in ("tron_contract", "tron_main_wallet"):
        if not valid_address(getattr(settings(), name)):
            raise ValueError(f"SALDO_{name.upper()} is not an address of Tron")
    _account("SALDO_TRON_PUBLIC_KEY", _public(), public=True)


def check_halves() -> None:
    """ValueError names the setting where the extended private key is not that of the public one."""
    if private_account().PublicKey().ToExtended() != _public():
        raise ValueError("SALDO_TRON_PRIVATE_KEY is not the private half of SALDO_TRON_PUBLIC_KEY")


def private_account() -> Bip32:
    """For the worker, within a call: nobody keeps it."""
    return _account("SALDO_TRON_PRIVATE_KEY", settings().tron_private_key.get_secret_value(), public=False)


def child(parent: Bip32, index: int) -> Bip32:
    if not 0 <= index <= INDEX_MAX:
        raise ValueError(f"index must be from 0 to {INDEX_MAX}")
    return parent.ChildKey(index)


def _public() -> str:
    return settings().tron_public_key.get_secret_value()


@lru_cache(maxsize=1)
def _receiving(extended: str) -> Bip32:
    """The parent of all deposit addresses."""
    return _account("SALDO_TRON_PUBLIC_KEY", extended, public=True).ChildKey(0)


def _account(setting: str, extended: str, *, public: bool) -> Bip32:
    """The key of an account. Its library's errors are not passed on: they may quote what they were given."""
    if account := _parsed(extended):
        if account.IsPublicOnly() != public:
            raise ValueError(f"{setting} must be a {'public' if public else 'private'} key")
        if int(account.Depth()) != DEPTH:
            raise ValueError(f"{setting} must be the key of an account, m/44'/195'/a'")
        return account
    raise ValueError(f"{setting} is not an extended key" if extended else f"{setting} is missing")


def _parsed(extended: str) -> Bip32 | None:
    try:
        return Bip32.FromExtendedKey(extended)
    except Exception:  # noqa: BLE001  the library has several, with no common parent
        return None
