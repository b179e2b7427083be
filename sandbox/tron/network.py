"""The chain, and how the node in front of it behaves."""

from __future__ import annotations

import asyncio

from sandbox.tron.addresses import base58
from sandbox.tron.calling import Lies
from sandbox.tron.chain import Chain
from sandbox.tron.state import Account, Draft
from sandbox.tron.tokens import FAKE_CONTRACT, SUPPLY, WHALE, Token
from settings import settings

MAIN_SUN = 100_000 * 1_000_000
ENERGY_PRICE = 100


class Network:
    chain: Chain
    lies: Lies

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._start(1)

    def reset(self) -> None:
        """A new chain; only the numbers of its blocks never go back."""
        self._start(self.chain.head)

    def _start(self, not_before: int) -> None:
        config = settings()
        usdt = Token(config.tron_contract, "USDT", "Tether USD", returns_true=False)
        tokens = {token.address: token for token in (usdt, Token(FAKE_CONTRACT, "USDT", "Tether USD"))}
        self.block_seconds, self.answer_seconds = config.sandbox_block_seconds, 0.0
        self.with_pool, self.lag, self.lies = True, 0, Lies()
        self.chain = Chain(
            tokens,
            offset_seconds=config.clock_offset_seconds,
            solid_after=config.sandbox_solid_after,
            energy_price=ENERGY_PRICE,
            not_before=not_before,
        )
        self.chain.decree(self._begin)
        self.changed.set()

    @property
    def head(self) -> int:
        """The newest block that the node admits to know."""
        return max(self.chain.base, self.chain.head - self.lag)

    @property
    def solid(self) -> int:
        return min(self.head, max(self.chain.base, self.chain.solid - self.lag))

    @property
    def usdt(self) -> Token:
        return next(iter(self.chain.tokens.values()))

    async def run(self) -> None:
        """A block each block_seconds; none while that is 0. A change is heard at once."""
        while True:
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), self.block_seconds or None)
            except TimeoutError:
                self.chain.mine(with_pool=self.with_pool)

    def _begin(self, draft: Draft) -> None:
        """TRX for the main wallet, and tokens for the whale."""
        main = settings().tron_main_wallet
        for address in (base58(main) if main else WHALE, WHALE):
            draft.keep(address, Account(sun=MAIN_SUN, created=self.chain.base_at))
        for token in self.chain.tokens:
            draft.add_tokens(token, WHALE, SUPPLY)
