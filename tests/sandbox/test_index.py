"""The index of an address, page by page."""

from __future__ import annotations

from sandbox.tron.tokens import FAKE_CONTRACT
from tests.sandbox.playing import MAIN, USDT, somebody

_, ADDRESS = somebody()


async def test_a_transfer_as_the_index_shows_it(box):
    tx = await box.deposit(ADDRESS, "2.5")
    answer = await box.index(ADDRESS)
    block = (await box.node("getnowblock"))["block_header"]["raw_data"]
    assert answer["success"]
    assert answer["data"] == [
        {
            "transaction_id": tx,
            "token_info": {"symbol": "USDT", "address": USDT, "decimals": 6, "name": "Tether USD"},
            "block_timestamp": block["timestamp"],
            "from": "TJJqbxKWcCGP7oZQ5CzQ9kbD7oLjcvF98m",
            "to": ADDRESS,
            "type": "Transfer",
            "value": "2500000",
        }
    ]
    assert (answer["meta"]["page_size"], "fingerprint" in answer["meta"]) == (1, False)
    assert (await box.index(ADDRESS, only_confirmed="true"))["data"] == []
    assert len((await box.index(ADDRESS, only_unconfirmed="true"))["data"]) == 1


async def test_pages_follow_each_other_without_gap_or_repetition(box):
    made = await box.tell("tron/deposit", address=ADDRESS, amount="1", times=45)
    await box.tell("tron/settle")
    wanted = [one["txId"] for one in made["deposits"]]
    for order in ("asc", "desc"):
        seen, query = [], {"limit": 20, "only_confirmed": "true", "order_by": f"block_timestamp,{order}"}
        sizes = []
        while True:
            page = await box.index(ADDRESS, **query)
            seen += [one["transaction_id"] for one in page["data"]]
            sizes.append(page["meta"]["page_size"])
            if "fingerprint" not in page["meta"]:
                break
            query["fingerprint"] = page["meta"]["fingerprint"]
        assert (seen if order == "asc" else seen[::-1], sizes) == (wanted, [20, 20, 5])


async def test_what_was_not_asked_for_is_left_out(box):
    await box.deposit(ADDRESS, "1", token="FAKE")
    await box.deposit(MAIN, "2", **{"from": ADDRESS})
    await box.deposit(ADDRESS, "3")
    at = (await box.node("getnowblock"))["block_header"]["raw_data"]["timestamp"]

    async def values(**query):
        return [one["value"] for one in (await box.index(ADDRESS, order_by="block_timestamp,asc", **query))["data"]]

    assert await values() == ["1000000", "2000000", "3000000"]
    assert await values(only_to="true") == ["1000000", "3000000"]
    assert await values(only_from="true") == ["2000000"]
    assert await values(contract_address=FAKE_CONTRACT) == ["1000000"]
    assert await values(min_timestamp=at) == ["3000000"]
    assert await values(max_timestamp=at - 1) == ["1000000", "2000000"]


async def test_questions_that_it_does_not_take(box):
    for query in ({"limit": 201}, {"limit": 0}, {"limit": "x"}, {"fingerprint": "x"}, {"contract_address": "x"}):
        answer = await box.client.get(f"/tron/v1/accounts/{ADDRESS}/transactions/trc20", params=query)
        assert (answer.status_code, answer.json()["success"]) == (400, False), query
    assert (await box.client.get("/tron/v1/accounts/nobody/transactions/trc20")).status_code == 400
