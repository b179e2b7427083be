"""A node may answer anything: each call still ends in a value of its own kind, `Refused` or `Unsure`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.outside import Outside
from gateways.receipts import Refused, Unsure
from gateways.tron.node import HttpNode
from gateways.tron.words import Block, Contents, Means, Prices, Receipt, TokenTransfer
from tests.gateways.babbling import Babbling
from tests.gateways.tron import answers as said
from tests.gateways.tron.answers import ADDRESS, MAIN, NUMBER, TX, block, info, log

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "getnowblock": block(),
    "getblockbynum": block(),
    "gettransactioninfobyblocknum": [info(log(MAIN, ADDRESS, 5)), info(id="c2" * 32)],
    "gettransactioninfobyid": info(log(MAIN, ADDRESS, 5)),
    "triggerconstantcontract": {**said.PLAYED, "transaction": {"ret": [{"ret": "SUCCESS"}]}},
    "trc20": said.PAGE,
    "getaccount": said.ACCOUNT,
    "getaccountresource": said.RESOURCES,
    "getchainparameters": said.PARAMETERS,
    "broadcasthex": said.TAKEN,
}


def transfers(found: Any) -> bool:
    return all(isinstance(item, TokenTransfer) and 0 <= item.amount < 2**256 for item in found)


CALLS: dict[str, tuple[Any, Any]] = {
    "head": (lambda node: node.head(), lambda found: isinstance(found, Block)),
    "solid_head": (lambda node: node.solid_head(), lambda found: isinstance(found, Block)),
    "contents": (
        lambda node: node.contents(NUMBER, solid=True),
        lambda found: (
            isinstance(found, Contents) and transfers(found.transfers) and all(map(bytes.fromhex, found.tx_ids))
        ),
    ),
    "token_balance": (lambda node: node.token_balance(ADDRESS), lambda found: 0 <= found < 2**256),
    "transactions_to": (
        lambda node: node.transactions_to(ADDRESS, SINCE),
        lambda found: all(len(bytes.fromhex(id)) == 32 for id in found),
    ),
    "receipt": (
        lambda node: node.receipt(TX),
        lambda found: (
            found is None or (isinstance(found, Receipt) and found.tx_id == TX and transfers(found.transfers))
        ),
    ),
    "means": (
        lambda node: node.means(ADDRESS),
        lambda found: isinstance(found, Means) and min(found.sun, found.energy, found.bandwidth) >= 0,
    ),
    "prices": (lambda node: node.prices(), lambda found: isinstance(found, Prices)),
    "transfer_energy": (lambda node: node.transfer_energy(ADDRESS, MAIN, 5), lambda found: found > 0),
    "broadcast": (lambda node: node.broadcast("00"), lambda found: found is None),
}

json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["", "SUCCESS", "FAILED", "ff" * 32, "41" + "ff" * 20, "0x", "REVERT", ADDRESS, "1" * 5_000]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


class Node:
    """One client for all examples: to make one takes longer than to ask it."""

    def __init__(self) -> None:
        self.answer: Callable[[str], bytes] = lambda _: b""
        self.outside = Outside("tron", "http://node")
        self.outside._client = Babbling(lambda path: self.answer(path.rpartition("/")[2]))


NODE = Node()


async def ends_well(call: str, answer: Callable[[str], bytes], status: int = 200) -> None:
    """`answer` is asked what the last word of a path is answered."""
    ask, fits = CALLS[call]
    NODE.answer, NODE.outside._client.status = answer, status
    try:
        found = await ask(HttpNode(NODE.outside))
    except (Refused, Unsure):
        return
    assert fits(found)


def damaged(value: Any, data: st.DataObject) -> Any:
    """The same, with something else at one place of it."""
    value = copy.deepcopy(value)
    here = value
    while True:
        place = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        if not (isinstance(here[place], dict | list) and here[place] and data.draw(st.booleans())):
            break
        here = here[place]
    here[place] = data.draw(json)
    return value


ASKED = {
    "head": ["getnowblock"],
    "solid_head": ["getnowblock"],
    "contents": ["gettransactioninfobyblocknum"],
    "token_balance": ["triggerconstantcontract"],
    "transactions_to": ["trc20"],
    "receipt": ["gettransactioninfobyid"],
    "means": ["getaccount", "getaccountresource"],
    "prices": ["getchainparameters"],
    "transfer_energy": ["triggerconstantcontract"],
    "broadcast": ["broadcasthex"],
}


@pytest.mark.parametrize("call", CALLS)
@given(st.data())
@settings(deadline=None, max_examples=100)
async def test_an_answer_with_one_thing_wrong(call, data):
    wrong = data.draw(st.sampled_from(ASKED[call]))
    await ends_well(call, lambda name: orjson.dumps(damaged(GOOD[name], data) if name == wrong else GOOD[name]))


@given(st.data())
@settings(deadline=None, max_examples=100)
async def test_an_empty_block_with_one_thing_wrong(data):
    await ends_well("contents", lambda name: orjson.dumps(damaged(GOOD[name], data) if name == "getblockbynum" else []))


@given(st.dictionaries(st.sampled_from(["topics", "data"]) | st.text(), json, max_size=4), st.lists(json, max_size=3))
@settings(deadline=None, max_examples=200)
async def test_logs_of_others_never_leave_a_block_unread(garbage, topics):
    ours = log(MAIN, ADDRESS, 5)
    theirs = {**log(MAIN, ADDRESS, 9), "topics": [said.TOPIC, *topics], **garbage, "address": "41" + "ee" * 20}
    NODE.answer, NODE.status = lambda _: orjson.dumps([info(theirs, ours, theirs)]), 200
    (found,) = (await HttpNode(NODE.outside).contents(NUMBER, solid=True)).transfers
    assert (found.log_index, found.amount) == (1, 5)


@pytest.mark.parametrize("call", CALLS)
@given(json, st.sampled_from([200, 201, 204, 404, 500]))
@settings(deadline=None, max_examples=60)
async def test_any_json(call, value, status):
    await ends_well(call, lambda _: orjson.dumps(value), status)


@pytest.mark.parametrize("call", CALLS)
@given(st.binary())
@settings(deadline=None, max_examples=20)
async def test_any_bytes(call, body):
    await ends_well(call, lambda _: body)
