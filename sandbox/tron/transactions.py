"""Transactions: the signed bytes, what they say, and how they are shown."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from tronpy.keys import PrivateKey
from tronpy.proto import tron_pb2
from tronpy.proto.transaction import _raw_data_to_protobuf

from sandbox.tron.addresses import base58, raw, shown
from sandbox.tron.tokens import Transfer

TRANSFER_CONTRACT, TRIGGER_CONTRACT = "TransferContract", "TriggerSmartContract"
RESULT_BYTES = 64
"""Counted on top of every transaction, for its result."""


@dataclass(frozen=True, slots=True)
class Gift:
    """What only the sandbox can do: transfers out of nowhere, free of charge."""

    transfers: tuple[Transfer, ...]
    fails: bool = False
    vanishes: bool = False
    """Its block is orphaned by the next one."""
    unsolid_for: int = 0
    """Blocks on top of it before it can be solid."""


@dataclass(frozen=True, slots=True)
class Tx:
    id: str
    signed: Any
    kind: str
    owner: str
    to: str
    amount: int
    """Sun; for a call of a contract what is sent along."""
    data: bytes
    gift: Gift | None = None

    @property
    def raw(self) -> Any:
        return self.signed.raw_data

    @property
    def size(self) -> int:
        """As bandwidth counts it."""
        return int(self.signed.ByteSize()) + RESULT_BYTES


def decode(signed: bytes, gift: Gift | None = None) -> Tx:
    """ValueError where the bytes are no transaction, or one that says nothing."""
    try:
        message = tron_pb2.Transaction.FromString(signed)
        contracts = message.raw_data.contract
        if not contracts:
            raise ValueError("contract not exist")
        contract = contracts[0]
        kind = str(tron_pb2.Transaction.Contract.ContractType.Name(contract.type))
        owner, to, amount, data = _said(kind, contract.parameter.value)
    except DecodeError as no:
        raise ValueError(f"no transaction: {no}") from None
    id = hashlib.sha256(message.raw_data.SerializeToString()).hexdigest()
    return Tx(id, message, kind, owner, to, amount, data, gift)


def _said(kind: str, value: bytes) -> tuple[str, str, int, bytes]:
    if kind == TRANSFER_CONTRACT:
        pay = tron_pb2.TransferContract.FromString(value)
        return base58(pay.owner_address), base58(pay.to_address), pay.amount, b""
    if kind == TRIGGER_CONTRACT:
        call = tron_pb2.TriggerSmartContract.FromString(value)
        return base58(call.owner_address), base58(call.contract_address), call.call_value, call.data
    return "", "", 0, b""


def from_json(fields: dict[str, Any]) -> bytes:
    """The signed bytes, out of raw_data_hex or else raw_data. ValueError or KeyError where it is neither."""
    try:
        if fields.get("raw_data_hex"):
            body = tron_pb2.Transaction.raw.FromString(bytes.fromhex(str(fields["raw_data_hex"])))
        else:
            body = _raw_data_to_protobuf(fields["raw_data"])
    except DecodeError as no:
        raise ValueError(f"no transaction: {no}") from None
    signatures = [bytes.fromhex(str(signature)) for signature in fields.get("signature") or []]
    return bytes(tron_pb2.Transaction(raw_data=body, signature=signatures).SerializeToString())


def contract_of(kind: str, said: Any) -> Any:
    """A protobuf contract of a kind, out of its own message."""
    contract = tron_pb2.Transaction.Contract(type=kind)
    contract.parameter.type_url = f"type.googleapis.com/protocol.{kind}"
    contract.parameter.value = said.SerializeToString()
    return contract


def gift_of(gift: Gift, *, key: PrivateKey, contract: str, data: bytes, block_id: str, at: int, nonce: int) -> Tx:
    """A transaction as the sender of the first transfer would have sent it."""
    call = tron_pb2.TriggerSmartContract(
        owner_address=raw(gift.transfers[0].sender), contract_address=raw(contract), data=data
    )
    body = tron_pb2.Transaction.raw(
        ref_block_bytes=bytes.fromhex(block_id[12:16]),
        ref_block_hash=bytes.fromhex(block_id[16:32]),
        expiration=at + 3_600_000,
        timestamp=at,
        data=nonce.to_bytes(16, "big"),
        fee_limit=100_000_000,
        contract=[contract_of(TRIGGER_CONTRACT, call)],
    )
    digest = hashlib.sha256(body.SerializeToString()).digest()
    signature = key.sign_msg_hash(digest).to_bytes()
    return decode(tron_pb2.Transaction(raw_data=body, signature=[signature]).SerializeToString(), gift)


def shape(tx: Tx, visible: bool, outcome: str = "") -> dict[str, Any]:
    """As a node prints it; `outcome` is what became of it in a block."""
    said: dict[str, Any] = {}
    if tx.kind == TRANSFER_CONTRACT:
        said = {"amount": tx.amount, "owner_address": shown(tx.owner, visible), "to_address": shown(tx.to, visible)}
    elif tx.kind == TRIGGER_CONTRACT:
        said = {
            "data": tx.data.hex(),
            "owner_address": shown(tx.owner, visible),
            "contract_address": shown(tx.to, visible),
            **({"call_value": tx.amount} if tx.amount else {}),
        }
    contract = {"parameter": {"value": said, "type_url": f"type.googleapis.com/protocol.{tx.kind}"}, "type": tx.kind}
    body = {
        "contract": [contract],
        "ref_block_bytes": tx.raw.ref_block_bytes.hex(),
        "ref_block_hash": tx.raw.ref_block_hash.hex(),
        "expiration": tx.raw.expiration,
        **({"fee_limit": tx.raw.fee_limit} if tx.raw.fee_limit else {}),
        **({"data": tx.raw.data.hex()} if tx.raw.data else {}),
        "timestamp": tx.raw.timestamp,
    }
    return {
        **({"ret": [{"contractRet": outcome}]} if outcome else {}),
        "signature": [signature.hex() for signature in tx.signed.signature],
        "txID": tx.id,
        "raw_data": body,
        "raw_data_hex": tx.raw.SerializeToString().hex(),
    }
