"""What each call asks of a node, what its answer means, and what leaves it open."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateways.receipts import Refused, Unsure
from gateways.tron import node as module
from gateways.tron.words import Block, Contents, Means, Prices, Receipt, TokenTransfer
from settings.outside import DEVELOPMENT_TRON as TRON
from tests.gateways.served import ok, raw
from tests.gateways.tron import answers as said
from tests.gateways.tron.answers import ADDRESS, MAIN, NUMBER, TX, block, info, log, row

CONTRACT = TRON["tron_contract"]
FAKE = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


@pytest.fixture
def answers(server):
    """answers(path=value, …): what each path's last word is answered; a list is answered in turns."""

    def say(**values):
        def answer(seen):
            value = values[seen.path.rpartition("/")[2]]
            value = value.pop(0) if isinstance(value, list) else value
            return value if isinstance(value, bytes) else ok(value)

        server.answer = answer

    return say


def asked(server):
    return [(call.path.removeprefix("/base/"), call.json) for call in server.calls]


async def unsure(call) -> str:
    with pytest.raises(Unsure) as caught:
        await call
    assert caught.value.system == "tron"
    return caught.value.reason


def odd(reason: str) -> bool:
    return reason.startswith("malformed: ") or reason == "the node's own error"


async def refused(call) -> Refused:
    with pytest.raises(Refused) as caught:
        await call
    return caught.value


# --- blocks


async def test_heads(node, server, answers):
    answers(getnowblock=block())
    assert await node.head() == await node.solid_head() == Block(NUMBER, said.BLOCK_ID, AT)
    assert asked(server) == [("wallet/getnowblock", {}), ("walletsolidity/getnowblock", {})]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        said.ERROR,
        block(blockID="ab" * 31),
        block(blockID="ab" * 32),
        block(blockID=f"{NUMBER:016x}" + "xy" * 24),
        block(block_header={}),
        block(-1),
        block(2**63),
        block(block_header={"raw_data": {"number": NUMBER, "timestamp": 2**62}}),
        block(block_header={"raw_data": {"number": float(NUMBER), "timestamp": 1}}),
        block(block_header={"raw_data": {"number": True, "timestamp": 1}}),
    ],
)
async def test_a_head_that_is_none(node, answers, answer):
    answers(getnowblock=answer)
    assert odd(await unsure(node.head()))


# --- transfers of a block


async def test_transfers_of_our_contract_alone(node, server, answers):
    foreign, approval = log(MAIN, ADDRESS, 5, contract=FAKE), log(MAIN, ADDRESS, 5)
    approval["topics"][0] = "8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
    failed = info(log(MAIN, ADDRESS, 9), id="f1" * 32, result="FAILED", receipt={"result": "REVERT"})
    plain = info(id="f2" * 32, receipt={"net_usage": 268})
    ours = info(foreign, approval, log(MAIN, ADDRESS, 2**255), log(ADDRESS, MAIN, 0))
    prefixed = info(log(MAIN, ADDRESS, 7, address="41" + log(MAIN, MAIN, 1)["address"].upper()), id="c3" * 32)
    answers(gettransactioninfobyblocknum=ok([plain, failed, ours, prefixed]))
    found = (
        TokenTransfer(TX, 2, CONTRACT, MAIN, ADDRESS, 2**255, NUMBER),
        TokenTransfer(TX, 3, CONTRACT, ADDRESS, MAIN, 0, NUMBER),
        TokenTransfer("c3" * 32, 0, CONTRACT, MAIN, ADDRESS, 7, NUMBER),
    )
    assert await node.contents(NUMBER, solid=True) == Contents(
        found, frozenset({"f2" * 32, "f1" * 32, TX, "c3" * 32}), AT
    )
    assert asked(server) == [("walletsolidity/gettransactioninfobyblocknum", {"num": NUMBER})]


ODD = [
    {"data": "ff" * 100_000},
    {"data": None},
    {"data": 5},
    {"data": ["ff"]},
    {"topics": None},
    {"topics": []},
    {"topics": [said.TOPIC] * 1_000},
    {"topics": ["ff" * 100_000]},
    {"topics": [None, 5, {}]},
    {"topics": said.TOPIC},
    {"topics": {"0": said.TOPIC}},
    {"more": "than we know of"},
]


async def test_a_stranger_may_write_into_his_logs_what_he_likes(node, answers):
    odd = [log(MAIN, ADDRESS, 9, contract=FAKE, **changes) for changes in ODD]
    full = [info(*odd, id=f"{number:064x}") for number in range(20)]
    answers(gettransactioninfobyblocknum=ok([*full, info(*odd, log(MAIN, ADDRESS, 7), *odd)]))
    found = await node.contents(NUMBER, solid=True)
    assert found.transfers == (TokenTransfer(TX, len(odd), CONTRACT, MAIN, ADDRESS, 7, NUMBER),)
    assert len(found.tx_ids) == 21


async def test_of_our_contract_a_log_without_topics_is_no_transfer(node, answers):
    odd = [log(MAIN, ADDRESS, 9, topics=topics, data="ff" * 5_000) for topics in (None, [], ["ff" * 32], ["ff"] * 9)]
    answers(gettransactioninfobyblocknum=ok([info(*odd)]))
    assert await node.contents(NUMBER, solid=True) == Contents((), frozenset({TX}), AT)


async def test_a_block_without_transfers_is_known_to_be_there(node, server, answers):
    answers(gettransactioninfobyblocknum=ok([info(receipt={})]))
    assert await node.contents(NUMBER, solid=True) == Contents((), frozenset({TX}), AT)
    assert len(server.calls) == 1
    answers(gettransactioninfobyblocknum=ok([]), getblockbynum=block())
    for side, solid in (("wallet", False), ("walletsolidity", True)):
        server.calls.clear()
        assert await node.contents(NUMBER, solid=solid) == Contents((), frozenset(), AT)
        assert asked(server) == [
            (f"{side}/gettransactioninfobyblocknum", {"num": NUMBER}),
            (f"{side}/getblockbynum", {"num": NUMBER}),
        ]


@pytest.mark.parametrize("there", [{}, block(NUMBER + 1), block(transactions=[{"txID": TX}]), said.ERROR])
async def test_a_block_that_the_node_does_not_have_is_never_empty(node, answers, there):
    answers(gettransactioninfobyblocknum=ok([]), getblockbynum=there)
    assert odd(await unsure(node.contents(NUMBER, solid=True)))


@pytest.mark.parametrize(
    "broken",
    [
        info(number=NUMBER + 1),
        info(blockTimeStamp=1_767_323_045_679),
        info(blockTimeStamp=None),
        {"id": TX},
        info(log(MAIN, ADDRESS, 1, data="00")),
        info(log(MAIN, ADDRESS, 1, data=None)),
        info(log(MAIN, ADDRESS, 1, topics=[said.TOPIC])),
        info(log(MAIN, ADDRESS, 1, topics=[said.TOPIC, "zz", "zz"])),
        info(log(MAIN, ADDRESS, 1, topics=said.TOPIC)),
        info(log(MAIN, ADDRESS, 1, address="nowhere")),
        info(log(MAIN, ADDRESS, 1), id="c1"),
        info(id="c1", receipt={"result": "REVERT"}),
        info(log=[None]),
        info(log={}),
        info(receipt=[]),
        info(receipt={"result": 1}),
        info(receipt={"result": "a word with\nlines"}),
        None,
        [],
    ],
)
async def test_one_broken_receipt_leaves_the_block_open(node, answers, broken):
    answers(gettransactioninfobyblocknum=ok([info(log(MAIN, ADDRESS, 1)), broken]))
    assert odd(await unsure(node.contents(NUMBER, solid=True)))


# --- one transaction


async def test_a_receipt(node, server, answers):
    answers(gettransactioninfobyid=info(log(MAIN, ADDRESS, 5)))
    transfer = TokenTransfer(TX, 0, CONTRACT, MAIN, ADDRESS, 5, NUMBER)
    found = await node.receipt(TX.upper())
    assert found == Receipt(TX, NUMBER, "SUCCESS", 345_000, 64_285, (transfer,))
    assert await node.receipt(TX, solid=False) == found
    assert [path for path, _ in asked(server)] == [
        "walletsolidity/gettransactioninfobyid",
        "wallet/gettransactioninfobyid",
    ]


async def test_a_transaction_in_no_block_has_no_receipt(node, answers):
    answers(gettransactioninfobyid={})
    assert await node.receipt(TX) is None
    for nothing in (ok([]), ok(None), said.ERROR, info(id="c2" * 32), ok(0)):
        answers(gettransactioninfobyid=nothing)
        assert odd(await unsure(node.receipt(TX)))


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({"receipt": {"net_usage": 268}}, "SUCCESS"),  # of a transaction that calls no contract
        ({"receipt": {"result": "DEFAULT"}}, "SUCCESS"),
        ({"receipt": {"result": "OUT_OF_ENERGY"}, "result": "FAILED"}, "OUT_OF_ENERGY"),
        ({"receipt": {"result": "REVERT"}}, "REVERT"),
        ({"receipt": {"result": "SUCCESS"}, "result": "FAILED"}, "FAILED"),
        ({"receipt": {}, "result": "FAILED"}, "FAILED"),
    ],
)
async def test_outcomes(node, answers, told, outcome):
    answers(gettransactioninfobyid=info(log(MAIN, ADDRESS, 5), **told))
    found = await node.receipt(TX)
    assert (found.outcome, found.succeeded, len(found.transfers)) == (
        outcome,
        outcome == "SUCCESS",
        int(outcome == "SUCCESS"),
    )


# --- the index


async def test_transactions_to_an_address(node, server, answers):
    first = {**said.PAGE, "meta": {"fingerprint": "m 1"}}
    last = {**said.PAGE, "data": [row("c2" * 32), row("c3" * 32)]}
    answers(trc20=[first, last])
    assert await node.transactions_to(ADDRESS, SINCE) == [TX, "c2" * 32, "c3" * 32]
    query = (
        f"/base/v1/accounts/{ADDRESS}/transactions/trc20?only_confirmed=true&only_to=true&contract_address={CONTRACT}"
        f"&limit=200&order_by=block_timestamp%2Casc&min_timestamp=1767225600000"
    )
    assert [call.target for call in server.calls] == [query, f"{query}&fingerprint=m+1"]


async def test_an_address_of_which_the_index_knows_nothing(node, answers):
    answers(trc20={"data": [], "success": True, "meta": {"at": 1}})
    assert await node.transactions_to(ADDRESS, SINCE) == []


@pytest.mark.parametrize("body", [b"", b"<html>Not Found</html>", b'{"error": "Not Found"}'])
async def test_a_node_without_index(node, answers, body):
    answers(trc20=raw(404, body))
    assert (await refused(node.transactions_to(ADDRESS, SINCE))).code == "NO_INDEX"


async def test_an_index_that_leads_in_circles(node, server, answers, monkeypatch):
    monkeypatch.setattr(module, "PAGES_MAX", 3)
    answers(trc20={**said.PAGE, "meta": {"fingerprint": "again"}})
    assert await unsure(node.transactions_to(ADDRESS, SINCE)) == "more than 600 transactions"
    assert len(server.calls) == 3


@pytest.mark.parametrize(
    "page",
    [
        {"success": False, "error": "…"},
        {},
        {**said.PAGE, "data": [{}]},
        {**said.PAGE, "data": {"0": row()}},
        {**said.PAGE, "meta": []},
        {**said.PAGE, "meta": {"fingerprint": 5}},
    ],
)
async def test_a_page_that_is_none(node, answers, page):
    answers(trc20=page)
    assert odd(await unsure(node.transactions_to(ADDRESS, SINCE)))


# --- what an address has, and what things cost


async def test_balance(node, server, answers):
    answers(triggerconstantcontract=said.BALANCE)
    assert await node.token_balance(ADDRESS) == 2**200
    [(path, body)] = asked(server)
    assert path == "walletsolidity/triggerconstantcontract"
    assert body == {
        "owner_address": ADDRESS,
        "contract_address": CONTRACT,
        "function_selector": "balanceOf(address)",
        "parameter": "0" * 24 + "bfc7fd1584dc5a96d1e6afbc0f57a6a896770990",
        "visible": True,
    }


@pytest.mark.parametrize(
    "answer",
    [
        said.REVERTED,
        said.NO_CONTRACT,
        said.ERROR,
        {},
        {**said.BALANCE, "constant_result": []},
        {**said.BALANCE, "constant_result": ["5"]},
        {**said.BALANCE, "constant_result": ["0" * 64, "0" * 64]},
        {**said.BALANCE, "constant_result": [5]},
        {**said.BALANCE, "result": {"result": "true"}},
        {**said.BALANCE, "transaction": {"ret": [{"ret": "FAILED"}]}},
    ],
)
async def test_a_balance_that_is_none(node, answers, answer):
    answers(triggerconstantcontract=answer)
    await unsure(node.token_balance(ADDRESS))


async def test_means(node, server, answers):
    answers(getaccount=said.ACCOUNT, getaccountresource=said.RESOURCES)
    assert await node.means(ADDRESS) == Means(active=True, sun=2_500_000, energy=65_000, bandwidth=500)
    assert asked(server) == [
        ("wallet/getaccount", {"address": ADDRESS, "visible": True}),
        ("wallet/getaccountresource", {"address": ADDRESS, "visible": True}),
    ]
    answers(getaccount={"address": ADDRESS}, getaccountresource={"NetLimit": 700, "freeNetLimit": 600})
    assert await node.means(ADDRESS) == Means(active=True, sun=0, energy=0, bandwidth=700)
    answers(getaccount=said.ACCOUNT, getaccountresource={"EnergyUsed": 5, "freeNetUsed": 5})
    assert await node.means(ADDRESS) == Means(active=True, sun=2_500_000, energy=0, bandwidth=0)


async def test_an_address_that_is_not_active(node, server, answers):
    answers(getaccount={})
    assert await node.means(ADDRESS) == Means(active=False, sun=0, energy=0, bandwidth=0)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("account", "resources"),
    [
        ([], {}),
        (said.ERROR, {}),
        (said.ACCOUNT, {}),
        (said.ACCOUNT, said.ERROR),
        ({**said.ACCOUNT, "address": MAIN}, {}),
        ({**said.ACCOUNT, "balance": -1}, {}),
        ({**said.ACCOUNT, "balance": "5"}, {}),
        (said.ACCOUNT, []),
        (said.ACCOUNT, {"EnergyLimit": 1e9}),
    ],
)
async def test_means_that_are_none(node, answers, account, resources):
    answers(getaccount=ok(account), getaccountresource=ok(resources))
    assert odd(await unsure(node.means(ADDRESS)))


async def test_prices_are_asked_once_in_a_while(node, server, answers, monkeypatch):
    answers(getchainparameters=said.PARAMETERS)
    known = Prices(energy=100, bandwidth=1_000, activation=1_100_000)
    assert await node.prices() == await node.prices() == known
    assert len(server.calls) == 1
    later = module.monotonic() + module.PRICES_KEPT_SECONDS + 1
    monkeypatch.setattr(module, "monotonic", lambda: later)
    assert await node.prices() == known
    assert len(server.calls) == 2


async def test_prices_that_are_none_are_not_kept(node, answers):
    for price in said.PARAMETERS["chainParameter"][2:6]:
        rows = [other for other in said.PARAMETERS["chainParameter"] if other is not price]
        answers(getchainparameters={"chainParameter": rows})
        assert await unsure(node.prices()) == f"malformed: {price['key']}"
    answers(getchainparameters=said.PARAMETERS)
    assert await node.prices()


async def test_energy_of_a_transfer(node, server, answers):
    answers(triggerconstantcontract=said.PLAYED)
    assert await node.transfer_energy(ADDRESS, MAIN, 5_000_000) == 64_285
    [(path, body)] = asked(server)
    assert path == "wallet/triggerconstantcontract"
    assert (body["owner_address"], body["function_selector"]) == (ADDRESS, "transfer(address,uint256)")
    assert body["parameter"] == "0" * 24 + "7773ff0ebd2d2c85761db01ae2b00c417bf15393" + f"{5_000_000:064x}"


async def test_a_transfer_that_would_revert(node, answers):
    answers(triggerconstantcontract=said.REVERTED)
    no = await refused(node.transfer_energy(ADDRESS, MAIN, 1))
    assert (no.code, str(no)) == (
        "REVERT",
        "tron refused triggerconstantcontract: REVERT REVERT opcode executed",
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (said.NO_CONTRACT, "Smart contract is not exist."),
        ({**said.PLAYED, "energy_used": 0}, "malformed: energy_used"),
        ({"result": {"result": True}}, "malformed: energy_used"),
        ({**said.PLAYED, "transaction": {"ret": [{"ret": "FAILED"}]}}, "FAILED"),
        ({"result": {"code": "OTHER_ERROR"}}, "OTHER_ERROR"),
        ({**said.PLAYED, "energy_used": -5}, "malformed: energy_used"),
    ],
)
async def test_an_energy_that_is_none(node, answers, answer, reason):
    answers(triggerconstantcontract=answer)
    assert await unsure(node.transfer_energy(ADDRESS, MAIN, 1)) == reason


# --- broadcasts


@pytest.mark.parametrize("answer", [said.TAKEN, {"result": True}, {"code": "DUP_TRANSACTION_ERROR", "message": "44"}])
async def test_a_broadcast_that_is_taken_or_known(node, server, answers, answer):
    answers(broadcasthex=answer)
    await node.broadcast("0a02beef")
    assert asked(server) == [("wallet/broadcasthex", {"transaction": "0a02beef"})]


@pytest.mark.parametrize(
    "code",
    [
        "SIGERROR",
        "TRANSACTION_EXPIRATION_ERROR",
        "TAPOS_ERROR",
        "CONTRACT_VALIDATE_ERROR",
        "BANDWITH_ERROR",
        "TOO_BIG_TRANSACTION_ERROR",
        "CONTRACT_EXE_ERROR",
    ],
)
@pytest.mark.parametrize("message", ["no good\n", b"no good\n".hex()])
async def test_a_broadcast_that_is_not_taken(node, answers, code, message):
    answers(broadcasthex={"code": code, "message": message, "txid": TX})
    no = await refused(node.broadcast("00"))
    assert (no.code, str(no)) == (code, f"tron refused broadcasthex: {code} no good")


@pytest.mark.parametrize(
    "answer",
    [
        *({"code": code} for code in ("SERVER_BUSY", "NO_CONNECTION", "NOT_ENOUGH_EFFECTIVE_CONNECTION")),
        *({"code": code} for code in ("BLOCK_UNSOLIDIFIED", "OTHER_ERROR", "A_NEW_ONE", "SUCCESS", "…", 5)),
        {},
        {"result": False},
        {"result": "true"},
        {"result": 1},
        {"result": True, "code": "OTHER_ERROR"},
        said.ERROR,
        ["result"],
    ],
)
async def test_a_broadcast_that_is_open(node, answers, server, answer):
    answers(broadcasthex=ok(answer))
    await unsure(node.broadcast("00"))
    assert len(server.calls) == 1


async def test_a_broadcast_is_never_repeated_by_itself(node, server):
    for answer in (None, ok({}, 500), raw(200, b"<html>")):
        server.answer = lambda _, answer=answer: answer
        server.calls.clear()
        await unsure(node.broadcast("00"))
        assert len(server.calls) == 1


async def test_questions_are_asked_again_when_the_connection_is_lost(node, server):
    server.answer = lambda _: None if len(server.calls) == 1 else ok(block())
    assert (await node.head()).number == NUMBER


async def test_the_key_goes_in_its_header(server, knobs):
    knobs(tron_url=server.url, tron_api_key="key-of-ours")
    server.answer = lambda _: ok(block())
    async with module.connection() as outside:
        await module.HttpNode(outside).head()
    knobs(tron_api_key="")
    async with module.connection() as outside:
        await module.HttpNode(outside).head()
    assert [call.headers.get("tron-pro-api-key") for call in server.calls] == ["key-of-ours", None]


async def test_another_contract_is_another_setting(node, answers, knobs):
    knobs(tron_contract=FAKE)
    answers(gettransactioninfobyblocknum=ok([info(log(MAIN, ADDRESS, 1), log(MAIN, ADDRESS, 2, contract=FAKE))]))
    found = await node.contents(NUMBER, solid=True)
    assert found.transfers == (TokenTransfer(TX, 1, FAKE, MAIN, ADDRESS, 2, NUMBER),)
