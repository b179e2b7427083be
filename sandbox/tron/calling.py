"""Calls of contracts that change nothing: what triggerconstantcontract answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tronpy.proto import tron_pb2

from sandbox.tron.addresses import NOBODY, base58, raw
from sandbox.tron.execution import REVERT_ENERGY, REVERTED, called, returned_by_transfer
from sandbox.tron.state import View
from sandbox.tron.tokens import SUPPLY, TRANSFER, Token, selector
from sandbox.tron.transactions import TRIGGER_CONTRACT, contract_of, decode, shape

READ_ENERGY = 935


@dataclass(slots=True)
class Lies:
    """What the node says against better knowledge."""

    balances: dict[str, int] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    index: bool = True


def constant_call(
    tokens: dict[str, Token], view: View, lies: Lies, fields: dict[str, Any], visible: bool
) -> dict[str, Any]:
    """ValueError where the request makes no sense."""
    owner = base58(str(fields.get("owner_address") or NOBODY))
    contract = base58(str(fields.get("contract_address", "")))
    data = _data(fields)
    token = tokens.get(contract)
    if token is None:
        message = "Smart contract is not exist."
        no = message if visible else message.encode().hex()
        return {"result": {"code": "CONTRACT_VALIDATE_ERROR", "message": no}}
    energy, penalty, returned, reverts = _answer(token, view, lies, owner, data)
    message = reverts if visible else reverts.encode().hex()
    return {
        "result": {"result": True, **({"message": message} if reverts else {})},
        "energy_used": energy,
        "constant_result": [returned],
        **({"energy_penalty": penalty} if penalty else {}),
        "transaction": _transaction(owner, contract, data, visible, failed=bool(reverts)),
    }


def _data(fields: dict[str, Any]) -> bytes:
    parameter = bytes.fromhex(str(fields.get("parameter") or ""))
    if signature := fields.get("function_selector"):
        return selector(str(signature)) + parameter
    return bytes.fromhex(str(fields.get("data") or ""))


def _answer(token: Token, view: View, lies: Lies, owner: str, data: bytes) -> tuple[int, int, str, str]:
    """Energy, the part of it that is a penalty, what is returned, and the words of a revert."""
    if data[:4] == TRANSFER:
        call = called(view, token.address, owner, data)
        return call.energy, call.penalty, "" if call.reverts else returned_by_transfer(token), call.reverts
    plain = {
        selector("decimals()"): lambda: f"{token.decimals:064x}",
        selector("totalSupply()"): lambda: f"{SUPPLY:064x}",
        selector("symbol()"): lambda: _text(token.symbol),
        selector("name()"): lambda: _text(token.name),
    }
    if data[:4] in plain:
        return READ_ENERGY, 0, plain[data[:4]](), ""
    if len(data) >= 36:
        who = base58(data[16:36])
        if data[:4] == selector("balanceOf(address)"):
            held = view.tokens(token.address, who)
            return READ_ENERGY, 0, f"{lies.balances.get(who, held):064x}", ""
        if data[:4] in (selector("isBlackListed(address)"), selector("getBlackListStatus(address)")):
            return READ_ENERGY, 0, f"{int(view.blacklisted(token.address, who)):064x}", ""
    return REVERT_ENERGY, 0, "", REVERTED


def _text(said: str) -> str:
    """A string as it is returned: where it begins, its length, and itself in whole words."""
    data = said.encode()
    return f"{32:064x}{len(data):064x}{data.hex().ljust(-(-len(data) // 32) * 64, '0')}"


def _transaction(owner: str, contract: str, data: bytes, visible: bool, *, failed: bool) -> dict[str, Any]:
    call = tron_pb2.TriggerSmartContract(owner_address=raw(owner), contract_address=raw(contract), data=data)
    body = tron_pb2.Transaction.raw(contract=[contract_of(TRIGGER_CONTRACT, call)])
    printed = shape(decode(tron_pb2.Transaction(raw_data=body).SerializeToString()), visible)
    return {"ret": [{"ret": "FAILED"} if failed else {}], "visible": visible, **printed}
