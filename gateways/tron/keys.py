"""What signs: for the worker alone, and not to be imported where nothing is signed, since tronpy takes a second to load.

Deposits are signed for with the children of the extended private key, fees are paid with the key of the main wallet.
A private key lives within the call that signs.
"""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from tronpy.keys import PrivateKey

from gateways.tron import signing
from gateways.tron.account import check_addresses, check_halves, child, private_account
from gateways.tron.words import Block, Keys, Signed
from models.kernel.clock import now
from settings import settings

SUN_MAX, AMOUNT_MAX = 2**63 - 1, 2**256 - 1


class HotKeys(Keys):
    """Signs with the keys of the settings. They are not kept here, and nothing of it can be shown or sent away."""

    def __init__(self) -> None:
        """ValueError names a setting that does not fit the others."""
        check_addresses()
        check_halves()
        if self.can_top_up and _owner(_main_key()) != settings().tron_main_wallet:
            raise ValueError("SALDO_TRON_MAIN_KEY is not the key of SALDO_TRON_MAIN_WALLET")

    def token_transfer(
        self, index: int, to: str, amount: int, *, fee_limit_sun: int, ref: Block, expires_at: datetime
    ) -> Signed:
        _within("amount", amount, AMOUNT_MAX)
        _within("fee_limit_sun", fee_limit_sun, SUN_MAX)
        key = _child_key(index)
        message = signing.token_transfer(_owner(key), settings().tron_contract, to, amount)
        return signing.signed(message, key, ref=ref, at=now(), expires_at=expires_at, fee_limit_sun=fee_limit_sun)

    def top_up(self, to: str, sun: int, *, ref: Block, expires_at: datetime) -> Signed:
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


def _child_key(index: int) -> PrivateKey:
    return PrivateKey(child(private_account().ChildKey(0), index).PrivateKey().Raw().ToBytes())


def _main_key() -> PrivateKey:
    try:
        return PrivateKey(bytes.fromhex(settings().tron_main_key.get_secret_value()))
    except Exception:  # noqa: BLE001  whatever its library says may quote what it was given
        raise ValueError("SALDO_TRON_MAIN_KEY is not a key in hex") from None


def _owner(key: PrivateKey) -> str:
    return str(key.public_key.to_base58check_address())


def _within(name: str, number: int, most: int) -> None:
    if not 0 <= number <= most:
        raise ValueError(f"{name} must be from 0 to {most}")
