"""What a good node answers to each call, as the real ones write it."""

from __future__ import annotations

from gateways.tron.addresses import body_of
from settings.outside import DEVELOPMENT_TRON as TRON

TOPIC = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
ADDRESS = "TTTFe9haCY6CACG9iTM8uyL89pFEPy4ctW"
MAIN = TRON["tron_main_wallet"]
NUMBER = 77
BLOCK_ID = f"{NUMBER:016x}" + "ab" * 24
TX = "c1" * 32


def block(number: int = NUMBER, **changes):
    raw = {"number": number, "timestamp": 1_767_323_045_678, "version": 31}
    return {"blockID": f"{number:016x}" + "ab" * 24, "block_header": {"raw_data": raw}, **changes}


def log(sender: str, to: str, amount: int, *, contract: str = "", **changes):

    topics = [TOPIC, *(body_of(address).hex().rjust(64, "0") for address in (sender, to))]
    return {
        "address": body_of(contract or TRON["tron_contract"]).hex(),
        "topics": topics,
        "data": f"{amount:064x}",
        **changes,
    }


def info(*logs, id: str = TX, number: int = NUMBER, **changes):
    return {
        "id": id,
        "fee": 345_000,
        "blockNumber": number,
        "blockTimeStamp": 1_767_323_045_678,
        "contractResult": [""],
        "contract_address": "41" + "00" * 20,
        "receipt": {"energy_usage_total": 64_285, "net_fee": 345_000, "result": "SUCCESS"},
        "log": list(logs),
        **changes,
    }


def row(id: str = TX):
    return {"transaction_id": id, "type": "Transfer", "to": ADDRESS, "value": "1", "token_info": {"symbol": "USDT"}}


ACCOUNT = {"address": ADDRESS, "balance": 2_500_000, "create_time": 1_767_323_045_678}
RESOURCES = {
    "freeNetUsed": 100,
    "freeNetLimit": 600,
    "NetUsed": 5,
    "NetLimit": 300,
    "EnergyUsed": 1_000,
    "EnergyLimit": 66_000,
}
PARAMETERS = {
    "chainParameter": [
        {"key": "getMaintenanceTimeInterval", "value": 21_600_000},
        {"key": "getAllowSomethingOff"},
        {"key": "getEnergyFee", "value": 100},
        {"key": "getTransactionFee", "value": 1_000},
        {"key": "getCreateAccountFee", "value": 100_000},
        {"key": "getCreateNewAccountFeeInSystemContract", "value": 1_000_000},
        {"key": "getAllowNegative", "value": -1},
    ]
}
BALANCE = {
    "result": {"result": True},
    "energy_used": 935,
    "constant_result": [f"{2**200:064x}"],
    "transaction": {"ret": [{}]},
}
PLAYED = {"result": {"result": True}, "energy_used": 64_285, "energy_penalty": 49_635, "constant_result": ["0" * 64]}
REVERTED = {
    "result": {"result": True, "message": b"REVERT opcode executed".hex()},
    "energy_used": 500,
    "constant_result": [""],
    "transaction": {"ret": [{"ret": "FAILED"}]},
}
NO_CONTRACT = {"result": {"code": "CONTRACT_VALIDATE_ERROR", "message": b"Smart contract is not exist.".hex()}}
TAKEN = {"result": True, "code": "SUCCESS", "message": "", "txid": TX}
ERROR = {"Error": "class java.lang.NullPointerException : null"}
PAGE = {"data": [row(), row("c2" * 32)], "success": True, "meta": {"at": 1, "page_size": 2}}
