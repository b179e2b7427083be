"""What a node's answers mean. A node leaves out whatever is zero, false or empty."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from gateways.answers import Answer
from gateways.receipts import Refused
from gateways.tron.addresses import address_of, body_of, body_told
from gateways.tron.words import Block, Contents, Means, Prices, Receipt, TokenTransfer

T = TypeVar("T")
TRANSFER_TOPIC = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
KNOWN_ALREADY = "DUP_TRANSACTION_ERROR"
NOT_TAKEN = {
    "SIGERROR", "TRANSACTION_EXPIRATION_ERROR", "TAPOS_ERROR", "CONTRACT_VALIDATE_ERROR", "BANDWITH_ERROR",
    "TOO_BIG_TRANSACTION_ERROR", "CONTRACT_EXE_ERROR",
}  # fmt: skip
"""A transaction that gets one of these is not handed on. Any other code leaves it open."""
_WORD = re.compile(r"[0-9a-f]{64}")
_CODE = re.compile(r"[A-Z][A-Z_]{0,39}")
_MESSAGE_MAX = 200


def without_error(answer: Answer, read: Callable[[Answer], T]) -> T:
    """A node tells of its own trouble with status 200, where an answer of zeros alone would look the same."""
    if isinstance(answer.value, dict) and "Error" in answer.value:
        raise answer.unsure("the node's own error")
    return read(answer)


def block(answer: Answer) -> Block:
    head = answer.part("block_header").part("raw_data")
    number, id = head.integer("number", 0), answer.hexed("blockID", 32)
    if int(id[:16], 16) != number:
        raise answer.malformed("blockID")
    return Block(number, id, head.moment("timestamp", 0))


def no_transactions(answer: Answer, number: int) -> Contents:
    """The block is the one that was asked for, and nothing is in it."""
    there = block(answer)
    if there.number != number or answer.parts("transactions"):
        raise answer.malformed("transactions without receipts")
    return Contents((), frozenset(), there.at)


def contents(answer: Answer, number: int, contract: str) -> Contents | None:
    """By the receipts of its transactions. None: the node tells of no transaction at all."""
    infos = answer.listed()
    if not infos:
        return None
    moments = {info.moment("blockTimeStamp") for info in infos}
    if len(moments) != 1 or any(info.integer("blockNumber", 0) != number for info in infos):
        raise answer.malformed("receipts of several blocks")
    found = [transfer for info in infos for transfer in transfers(info, contract)]
    return Contents(tuple(found), frozenset(info.hexed("id", 32) for info in infos), moments.pop())


def receipt(info: Answer, tx_id: str, contract: str) -> Receipt | None:
    if info.empty:
        return None
    if info.hexed("id", 32) != tx_id.lower():
        raise info.malformed("id")
    return Receipt(
        tx_id=tx_id.lower(),
        block=info.integer("blockNumber", 0),
        outcome=outcome(info),
        fee_sun=info.integer("fee", 0),
        energy=info.part("receipt", optional=True).integer("energy_usage_total", 0),
        transfers=tuple(transfers(info, contract)),
    )


def outcome(info: Answer) -> str:
    """The contract's result; a transaction that calls none has succeeded unless the node says FAILED."""
    failed = info.text("result", "") == "FAILED"
    result = _code(info.part("receipt", optional=True), "result", "DEFAULT")
    if result in {"DEFAULT", "SUCCESS"}:
        return "FAILED" if failed else "SUCCESS"
    return result


def transfers(info: Answer, contract: str) -> list[TokenTransfer]:
    """Transfers of the contract, known by its address; a transaction that failed has none.

    Of a log of anybody else nothing but its address is read: he may have written what he likes, and as much as he likes.
    """
    if outcome(info) != "SUCCESS":
        return []
    tx_id, number, wanted = info.hexed("id", 32), info.integer("blockNumber", 0), body_of(contract)
    found = []
    for index, log in enumerate(info.parts("log")):
        if body_told(log.text("address")) == wanted and _first_topic(log) == TRANSFER_TOPIC:
            words = [*(topic.lower() for topic in log.texts("topics")[1:]), log.text("data", "").lower()]
            if len(words) != 3 or not all(_WORD.fullmatch(word) for word in words):
                raise log.malformed("log")
            sender, to = (address_of(bytes.fromhex(word[-40:])) for word in words[:2])
            found.append(TokenTransfer(tx_id, index, contract, sender, to, int(words[2], 16), number))
    return found


def _first_topic(log: Answer) -> str:
    """Empty for a log that has none."""
    return next(iter(log.texts("topics")), "").lower()


def page_of_ids(answer: Answer) -> tuple[list[str], str]:
    """Ids of transactions of one page of the index, and the mark of the next page."""
    if answer.status == 404:
        raise Refused(answer.system, answer.operation, "NO_INDEX")
    if not answer.flag("success"):
        raise answer.malformed("success")
    mark = answer.part("meta", optional=True).text("fingerprint", "")
    return [row.hexed("transaction_id", 32) for row in answer.parts("data")], mark


def account(answer: Answer, address: str) -> int | None:
    """The sun of an active account."""
    if answer.empty:
        return None
    if body_told(answer.text("address")) != body_of(address):
        raise answer.malformed("address")
    return answer.integer("balance", 0)


def means(answer: Answer, sun: int) -> Means:
    """A transaction is paid from staked bandwidth or from free bandwidth, never from both: the larger counts."""
    if answer.empty:  # as for an address that is not active, and this one is
        raise answer.malformed("nothing")
    staked = answer.integer("NetLimit", 0) - answer.integer("NetUsed", 0)
    free = answer.integer("freeNetLimit", 0) - answer.integer("freeNetUsed", 0)
    energy = answer.integer("EnergyLimit", 0) - answer.integer("EnergyUsed", 0)
    return Means(True, sun, max(0, energy), max(0, staked, free))


def prices(answer: Answer) -> Prices:
    told = {row.text("key"): row.integer("value", 0) for row in answer.parts("chainParameter") if _priced(row)}
    if missing := PRICED - told.keys():
        raise answer.malformed(min(missing))
    return Prices(
        energy=told["getEnergyFee"],
        bandwidth=told["getTransactionFee"],
        activation=told["getCreateAccountFee"] + told["getCreateNewAccountFeeInSystemContract"],
    )


PRICED = {"getEnergyFee", "getTransactionFee", "getCreateAccountFee", "getCreateNewAccountFeeInSystemContract"}


def _priced(row: Answer) -> bool:
    return row.text("key") in PRICED


def one_word(answer: Answer) -> int:
    """What a constant call of a contract answers, a number."""
    if message := _complaint(answer):
        raise answer.unsure(message)
    words = answer.texts("constant_result")
    if len(words) != 1 or not _WORD.fullmatch(words[0]):
        raise answer.malformed("constant_result")
    return int(words[0], 16)


def energy_used(answer: Answer) -> int:
    """Of a call that was played and not sent. It holds the penalty of a contract in demand on the nodes of today."""
    message = _complaint(answer)
    if "REVERT" in message.upper():
        raise Refused(answer.system, answer.operation, "REVERT", message)
    if message or not answer.integer("energy_used", 0):
        raise answer.unsure(message or "malformed: energy_used")
    return max(answer.integer("energy_used"), answer.integer("energy_penalty", 0))


def taken(answer: Answer) -> None:
    """What became of a broadcast; one that the node knows already is as good as a new one."""
    code = _code(answer, "code", "SUCCESS" if answer.flag("result") else "UNKNOWN")
    if code in NOT_TAKEN:
        raise Refused(answer.system, answer.operation, code, _message(answer))
    if code != KNOWN_ALREADY and (code != "SUCCESS" or not answer.flag("result")):
        raise answer.unsure(code)


def _complaint(answer: Answer) -> str:
    """Why a call that was only played did not end well; empty: it did."""
    verdict, played = answer.part("result"), answer.part("transaction", optional=True)
    ended_badly = any(ret.text("ret", "") == "FAILED" for ret in played.parts("ret"))
    if verdict.flag("result") and not ended_badly:
        return _message(verdict)
    return _message(verdict) or _code(verdict, "code", "FAILED")


def _message(answer: Answer) -> str:
    """The node's words are hex of text that strangers may have had a hand in: what is printable of its beginning."""
    given = answer.text("message", "")
    with suppress(ValueError):
        given = bytes.fromhex(given).decode("utf-8", "replace")
    return "".join(letter for letter in given if letter.isascii() and letter.isprintable())[:_MESSAGE_MAX]


def _code(answer: Answer, name: str, default: str) -> str:
    code = answer.text(name, default)
    if not _CODE.fullmatch(code):
        raise answer.malformed(name)
    return code
