"""What a node tells about a transaction in a block."""

from __future__ import annotations

from typing import Any

from sandbox.tron.addresses import as_log, shown
from sandbox.tron.blocks import Block, Entry
from sandbox.tron.transactions import TRIGGER_CONTRACT


def info_shape(block: Block, entry: Entry, visible: bool, *, with_log: bool = True) -> dict[str, Any]:
    """As gettransactioninfobyid prints it; what is zero or empty is not there."""
    tx, outcome = entry.tx, entry.outcome
    logs = _logs(entry, visible) if with_log else []
    message = outcome.message if visible else outcome.message.encode().hex()
    return {
        "id": tx.id,
        **({"fee": outcome.fee} if outcome.fee else {}),
        "blockNumber": block.number,
        "blockTimeStamp": block.at,
        "contractResult": [outcome.returned],
        **({"contract_address": shown(tx.to, visible)} if tx.kind == TRIGGER_CONTRACT else {}),
        "receipt": _receipt(entry),
        **({"result": "FAILED", "resMessage": message} if outcome.failed else {}),
        **({"log": logs} if logs else {}),
        **({"packingFee": outcome.net_fee + outcome.energy_fee} if outcome.net_fee + outcome.energy_fee else {}),
    }


def _receipt(entry: Entry) -> dict[str, Any]:
    outcome = entry.outcome
    figures = {
        "energy_usage": outcome.energy_usage,
        "energy_fee": outcome.energy_fee,
        "energy_usage_total": outcome.energy,
        "net_usage": outcome.net_usage,
        "net_fee": outcome.net_fee,
        "energy_penalty_total": outcome.penalty,
    }
    shown = {name: value for name, value in figures.items() if value}
    return shown | ({"result": outcome.result} if outcome.result else {})


def _logs(entry: Entry, visible: bool) -> list[dict[str, Any]]:
    logs = []
    for transfer in entry.outcome.transfers:
        topics, data = transfer.log()
        logs.append({"address": as_log(transfer.token, visible), "topics": topics, "data": data})
    return logs
