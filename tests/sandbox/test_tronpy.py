"""A client that others wrote for the real network finds its way."""

from __future__ import annotations

from tronpy import AsyncTron
from tronpy.providers import AsyncHTTPProvider

from tests.sandbox.playing import MAIN, MAIN_KEY, USDT, somebody

_, ADDRESS = somebody()


async def test_tronpy_reads_the_chain(box):
    tx = await box.deposit(MAIN, "12")
    await box.tell("tron/mine", blocks=2)
    async with AsyncTron(AsyncHTTPProvider(f"{box.url}/tron/")) as tron:
        solid = await tron.get_latest_solid_block()
        assert solid["blockID"] == await tron.get_latest_solid_block_id()
        assert await tron.get_latest_solid_block_number() == solid["block_header"]["raw_data"]["number"]
        assert (await tron.get_account(MAIN))["balance"] == 100_000_000_000
        assert await tron.get_bandwidth(MAIN) == 600
        assert (await tron.get_solid_transaction_info(tx))["receipt"]["result"] == "SUCCESS"
        contract = await tron.get_contract(USDT)
        assert await contract.functions.balanceOf(MAIN) == 12_000_000
        assert (await contract.functions.symbol(), await contract.functions.decimals()) == ("USDT", 6)


async def test_tronpy_sends(box):
    async with AsyncTron(AsyncHTTPProvider(f"{box.url}/tron/")) as tron:
        ref = await tron.get_latest_solid_block_id()
        built = await tron.trx.transfer(MAIN, ADDRESS, 5_000_000).build(offline=True, ref_block_id=ref)
        sent = await tron.broadcast(built.sign(MAIN_KEY))
        assert sent == {"result": True, "txid": built.txid}
        await box.tell("tron/mine")
        assert (await tron.get_account(ADDRESS))["balance"] == 5_000_000
