"""Transactions of Tron, built and signed without asking anybody: what is signed holds nothing that a node has chosen but the
block that it refers to."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

from google.protobuf.any_pb2 import Any as Packed
from tronpy.keys import PrivateKey
from tronpy.proto import tron_pb2

from gateways.tron.addresses import body_of, raw_of
from gateways.tron.words import Block, Signed

TRANSFER = bytes.fromhex("a9059cbb")
"""The selector of transfer(address,uint256)."""


def trx_transfer(owner: str, to: str, sun: int) -> Any:
    return tron_pb2.TransferContract(owner_address=raw_of(owner), to_address=raw_of(to), amount=sun)


def token_transfer(owner: str, contract: str, to: str, amount: int) -> Any:
    data = TRANSFER + body_of(to).rjust(32, b"\0") + amount.to_bytes(32, "big")
    return tron_pb2.TriggerSmartContract(owner_address=raw_of(owner), contract_address=raw_of(contract), data=data)


def signed(
    message: Any, key: PrivateKey, *, ref: Block, at: datetime, expires_at: datetime, fee_limit_sun: int = 0
) -> Signed:
    """Its id is the hash of what was signed."""
    kind, id = type(message).DESCRIPTOR, bytes.fromhex(ref.id)
    raw = tron_pb2.Transaction.raw(
        ref_block_bytes=id[6:8],
        ref_block_hash=id[8:16],
        timestamp=_milliseconds(at),
        expiration=_milliseconds(expires_at),
        fee_limit=fee_limit_sun,
        contract=[
            tron_pb2.Transaction.Contract(
                type=tron_pb2.Transaction.Contract.ContractType.Value(kind.name),
                parameter=Packed(type_url=f"type.googleapis.com/{kind.full_name}", value=message.SerializeToString()),
            )
        ],
    )
    digest = sha256(raw.SerializeToString()).digest()
    whole = tron_pb2.Transaction(raw_data=raw, signature=[key.sign_msg_hash(digest).to_bytes()])
    return Signed(tx_id=digest.hex(), raw=whole.SerializeToString().hex(), expires_at=expires_at)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
