"""The node's own doors: the full node, and its solid side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.door import Answer, Asked
from sandbox.tron.addresses import base58, raw, shown
from sandbox.tron.blocks import Block, block_shape
from sandbox.tron.broadcasting import broadcast, hex_answer, json_answer
from sandbox.tron.calling import Lies, constant_call
from sandbox.tron.chain import Chain
from sandbox.tron.execution import BYTE_PRICE, CREATE_BANDWIDTH_FEE, CREATE_FEE
from sandbox.tron.receipts import info_shape
from sandbox.tron.state import FREE_BANDWIDTH, View
from sandbox.tron.tokens import ABI, WHALE
from sandbox.tron.transactions import from_json, shape

TOTALS = {"TotalNetLimit": 43_200_000_000, "TotalNetWeight": 26_982_826_755}
ENERGY_TOTALS = {"TotalEnergyLimit": 180_000_000_000, "TotalEnergyWeight": 19_226_384_402}


@dataclass(frozen=True, slots=True)
class Side:
    """What one side of the node knows: blocks up to `head`."""

    chain: Chain
    lies: Lies
    head: int
    solid: int

    @property
    def view(self) -> View:
        return self.chain.view(self.head)

    def block(self, number: int) -> Block | None:
        return self.chain.block(number) if number <= self.head else None


Answering = Callable[[Side, dict[str, Any], bool], Any]


def answer(answering: Answering, side: Side, asked: Asked) -> Answer:
    """What cannot be read is answered with 200 and an Error, as by the real one."""
    fields = asked.fields
    visible = str(fields.get("visible", "")).lower() == "true"
    try:
        if not asked.readable:
            raise ValueError("the body is no JSON object")
        said = answering(side, fields, visible)
    except (ValueError, TypeError, KeyError) as no:
        return Answer({"Error": f"class java.lang.IllegalArgumentException : {no}"})
    return said if isinstance(said, Answer) else Answer(said)


def _now_block(side: Side, _fields: dict[str, Any], visible: bool) -> Any:
    return _shown(side.chain.known(side.head), visible)


def _block_by_num(side: Side, fields: dict[str, Any], visible: bool) -> Any:
    block = side.block(int(fields.get("num", 0)))
    return _shown(block, visible) if block else {}


def _shown(block: Block, visible: bool) -> dict[str, Any]:
    return block_shape(block, visible, shown(WHALE, visible))


def _infos_by_num(side: Side, fields: dict[str, Any], visible: bool) -> Any:
    number = int(fields.get("num", 0))
    if number <= 0:
        return {}
    block = side.block(number)
    if block is None:
        return []
    hidden = side.lies.hidden
    return [info_shape(block, entry, visible, with_log=entry.tx.id not in hidden) for entry in block.entries]


def _transaction_by_id(side: Side, fields: dict[str, Any], visible: bool) -> Any:
    found = side.chain.entry(str(fields.get("value", "")).lower())
    if found is None or found[0].number > side.head:
        return {}
    return shape(found[1].tx, visible, found[1].outcome.result or "SUCCESS")


def _info_by_id(side: Side, fields: dict[str, Any], visible: bool) -> Any:
    found = side.chain.entry(str(fields.get("value", "")).lower())
    return {} if found is None or found[0].number > side.head else info_shape(*found, visible)


def _account(side: Side, fields: dict[str, Any], visible: bool) -> Any:
    address = base58(str(fields["address"]))
    if address in side.chain.tokens:
        return {"address": shown(address, visible), "type": "Contract"}
    account = side.view.account(address)
    if account is None:
        return {}
    owner = {"permission_name": "owner", "threshold": 1, "keys": [{"address": shown(address, visible), "weight": 1}]}
    return {
        "address": shown(address, visible),
        **({"balance": account.sun} if account.sun else {}),
        "create_time": account.created,
        "owner_permission": owner,
    }


def _account_resource(side: Side, fields: dict[str, Any], _visible: bool) -> Any:
    net = _account_net(side, fields, _visible)
    account = side.view.account(base58(str(fields["address"])))
    if not net or account is None:
        return {}
    used = account.energy_used_at(side.chain.clock())
    figures = {"EnergyUsed": used, "EnergyLimit": account.energy_limit}
    return net | {name: value for name, value in figures.items() if value} | ENERGY_TOTALS


def _account_net(side: Side, fields: dict[str, Any], _visible: bool) -> Any:
    account = side.view.account(base58(str(fields["address"])))
    if account is None:
        return {}
    used = account.bandwidth_used_at(side.chain.clock())
    return {**({"freeNetUsed": used} if used else {}), "freeNetLimit": FREE_BANDWIDTH, **TOTALS}


def _constant_call(side: Side, fields: dict[str, Any], visible: bool) -> Any:
    try:
        return constant_call(side.chain.tokens, side.view, side.lies, fields, visible)
    except ValueError as no:
        message = f"class java.lang.IllegalArgumentException : {no}"
        return {"result": {"code": "OTHER_ERROR", "message": message if visible else message.encode().hex()}}


def _node_info(side: Side, _fields: dict[str, Any], _visible: bool) -> Any:
    def told(number: int) -> str:
        return f"Num:{number},ID:{side.chain.known(number).id}"

    return {
        "beginSyncNum": side.head,
        "block": told(side.head),
        "solidityBlock": told(side.solid),
        "currentConnectCount": 1,
        "activeConnectCount": 1,
        "passiveConnectCount": 0,
        "totalFlow": 0,
    }


def _parameters(side: Side, _fields: dict[str, Any], _visible: bool) -> Any:
    known = {
        "getTransactionFee": BYTE_PRICE,
        "getCreateAccountFee": CREATE_BANDWIDTH_FEE,
        "getCreateNewAccountFeeInSystemContract": CREATE_FEE,
        "getEnergyFee": side.chain.energy_price,
        "getMaxFeeLimit": 15_000_000_000,
        "getFreeNetLimit": FREE_BANDWIDTH,
    }
    return {"chainParameter": [{"key": key, "value": value} for key, value in known.items()]}


def _broadcast_hex(side: Side, fields: dict[str, Any], _visible: bool) -> Any:
    tx, no = broadcast(side.chain, bytes.fromhex(str(fields["transaction"])), side.head)
    return Answer(hex_answer(tx, no), effect=no is None)


def _broadcast_json(side: Side, fields: dict[str, Any], visible: bool) -> Any:
    tx, no = broadcast(side.chain, from_json(fields), side.head)
    return Answer(json_answer(tx, no, visible), effect=no is None)


def _contract(side: Side, fields: dict[str, Any], visible: bool) -> Any:
    token = side.chain.tokens.get(base58(str(fields["value"])))
    if token is None:
        return {}
    return {
        "bytecode": raw(token.address).hex(),
        "consume_user_resource_percent": 100,
        "name": token.name.replace(" ", ""),
        "origin_address": shown(WHALE, visible),
        "abi": {"entrys": ABI},
        "contract_address": shown(token.address, visible),
        "origin_energy_limit": 10_000_000,
    }


BOTH: dict[str, Answering] = {
    "getnowblock": _now_block,
    "getblockbynum": _block_by_num,
    "gettransactioninfobyblocknum": _infos_by_num,
    "gettransactionbyid": _transaction_by_id,
    "gettransactioninfobyid": _info_by_id,
    "getaccount": _account,
    "triggerconstantcontract": _constant_call,
}
FULL: dict[str, Answering] = BOTH | {
    "getnodeinfo": _node_info,
    "getaccountresource": _account_resource,
    "getaccountnet": _account_net,
    "getchainparameters": _parameters,
    "broadcasthex": _broadcast_hex,
    "broadcasttransaction": _broadcast_json,
    "getcontract": _contract,
}
