"""The chain: blocks on blocks, a pool of what is not yet in one, and which of it is solid."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection
from typing import Any

from sandbox.tron.blocks import Block, Edict, Entry, Seen, block_id, transfers_of
from sandbox.tron.execution import Invalid, execute
from sandbox.tron.state import Draft, Key, State, View
from sandbox.tron.tokens import Token
from sandbox.tron.transactions import Tx

BLOCKS_KEPT = 100_000
EPOCH_SECONDS = 1_700_000_000
"""The first block has as its number the seconds since then: with a block a second, numbers go on after a restart."""


class Chain:
    def __init__(
        self,
        tokens: dict[str, Token],
        *,
        offset_seconds: int,
        solid_after: int,
        energy_price: int,
        not_before: int = 1,
    ) -> None:
        self.tokens, self.solid_after, self.energy_price = tokens, solid_after, energy_price
        self.ahead_ms = offset_seconds * 1000
        self.base_at = self.clock()
        self.base = self.head = self.solid = max(not_before, self.base_at // 1000 - EPOCH_SECONDS)
        self.state, self.pool = State(), dict[str, Tx]()
        self.pending = Draft(self.state)
        self.transfers: deque[Seen] = deque()
        self.by_address: dict[str, deque[Seen]] = {}
        self._blocks: dict[int, Block] = {}
        self._found: dict[str, tuple[int, int]] = {}
        self._forks = 0

    # --- what there is

    def clock(self) -> int:
        return int(time.time() * 1000) + self.ahead_ms

    def block(self, number: int) -> Block | None:
        """None where it is not yet there, or no longer kept."""
        if self.base < number <= self.head:
            return self._blocks.get(number)
        if 0 <= number <= self.base:
            at = self.base_at - (self.base - number) * 1000
            return Block(number, block_id(number, 0), block_id(number - 1, 0) if number else "0" * 64, max(0, at))
        return None

    def unsolid(self) -> bool:
        """Whether any transaction is in a block that is not yet solid."""
        return any(self.known(number).entries for number in range(self.solid + 1, self.head + 1))

    def known(self, number: int) -> Block:
        """One that is there for certain: a head."""
        block = self.block(number)
        if block is None:
            raise LookupError(f"no block {number}")
        return block

    def entry(self, tx_id: str) -> tuple[Block, Entry] | None:
        """A transaction that is in a block."""
        if (found := self._found.get(tx_id)) is None:
            return None
        block = self._blocks[found[0]]
        return block, block.entries[found[1]]

    def holds(self, tx_id: str) -> bool:
        return tx_id in self._found or tx_id in self.pool

    def view(self, number: int) -> View:
        """The state as of a block."""
        return self.state if number >= self.head else _Past(self, number)

    def written_before(self, key: Key, number: int) -> tuple[bool, Any]:
        """Whether anything wrote there after that block, and if so what stood there until then."""
        for later in range(max(number, self.base) + 1, self.head + 1):
            block = self._blocks.get(later)
            if block is not None and key in block.before:
                return True, block.before[key]
        return False, None

    # --- what happens

    def submit(self, tx: Tx) -> None:
        """Into the pool; `Invalid` where it could not be in the next block."""
        draft = Draft(self.pending)
        execute(tx, draft, self.clock(), self.energy_price, self.tokens)
        self.pending.take(draft)
        self.pool[tx.id] = tx

    def decree(self, edict: Edict) -> None:
        """At once, as if the head's block had done it."""
        head = self._blocks.get(self.head)
        self._write(head, edict)
        if head:
            head.items.append(edict)
        self._repend()

    def mine(self, *, with_pool: bool = True) -> Block:
        """A block on top, with everything in the pool that still can be in one."""
        self._orphan_what_vanishes()
        at = max(self.clock(), self.known(self.head).at + 1)
        items: list[Tx | Edict] = []
        if with_pool:
            items = [tx for tx in self.pool.values() if tx.raw.expiration > at]
            self.pool.clear()
        else:
            self.pool = {id: tx for id, tx in self.pool.items() if tx.raw.expiration > at}
        block = self._build(at, items, fork=0)
        self._solidify()
        self._forget_the_oldest()
        self._repend()
        return block

    def reorganise(self, blocks: int, *, drop: Collection[str] = (), to_pool: bool = False) -> list[str]:
        """Other blocks in place of the newest ones, of the same height, with the same transactions but those dropped;
        and without those that are impossible now. Their ids are answered."""
        taken = [self._unmake() for _ in range(blocks)][::-1]
        self._forks += 1
        gone: list[str] = []
        for old in taken:
            kept = [item for item in old.items if not isinstance(item, Tx) or item.id not in drop]
            block = self._build(old.at, kept, fork=self._forks)
            inside = {entry.tx.id for entry in block.entries}
            lost = [item for item in old.items if isinstance(item, Tx) and item.id not in inside]
            gone += [tx.id for tx in lost]
            if to_pool:
                self.pool |= {tx.id: tx for tx in lost}
        self._repend()
        return gone

    # --- how

    def _write(self, block: Block | None, edict: Edict) -> None:
        draft = Draft(self.state)
        edict(draft)
        self.state.apply(draft.writes, block.before if block else {})

    def _build(self, at: int, items: list[Tx | Edict], fork: int) -> Block:
        parent = self.known(self.head)
        block = Block(self.head + 1, block_id(self.head + 1, fork), parent.id, at)
        for item in items:
            if isinstance(item, Tx):
                self._include(block, item)
            else:
                self._write(block, item)
                block.items.append(item)
        self.head = block.number
        self._blocks[block.number] = block
        for seen in transfers_of(block):
            self.transfers.append(seen)
            for address in {seen.transfer.sender, seen.transfer.to}:
                self.by_address.setdefault(address, deque()).append(seen)
        return block

    def _include(self, block: Block, tx: Tx) -> None:
        draft = Draft(self.state)
        try:
            outcome = execute(tx, draft, block.at, self.energy_price, self.tokens)
        except Invalid:
            return
        self.state.apply(draft.writes, block.before)
        self._found[tx.id] = (block.number, len(block.entries))
        block.entries.append(Entry(tx, outcome))
        block.items.append(tx)
        if tx.gift:
            block.unsolid_for = max(block.unsolid_for, tx.gift.unsolid_for)

    def _unmake(self) -> Block:
        block = self._blocks.pop(self.head)
        self.head -= 1
        self.state.take_back(block.before)
        for entry in block.entries:
            del self._found[entry.tx.id]
        for seen in transfers_of(block)[::-1]:
            self.transfers.pop()
            for address in {seen.transfer.sender, seen.transfer.to}:
                self.by_address[address].pop()
        return block

    def _orphan_what_vanishes(self) -> None:
        if self.head == self.solid:
            return
        entries = self.known(self.head).entries
        if vanishing := {entry.tx.id for entry in entries if entry.tx.gift and entry.tx.gift.vanishes}:
            self.reorganise(1, drop=vanishing)

    def _solidify(self) -> None:
        while self.solid < self.head:
            next_one = self._blocks[self.solid + 1]
            if self.head - next_one.number < max(self.solid_after, next_one.unsolid_for):
                return
            self.solid += 1

    def _forget_the_oldest(self) -> None:
        if len(self._blocks) <= BLOCKS_KEPT:
            return
        block = self._blocks.pop(self.head - len(self._blocks) + 1)
        for entry in block.entries:
            del self._found[entry.tx.id]
        for seen in transfers_of(block):
            self.transfers.popleft()
            for address in {seen.transfer.sender, seen.transfer.to}:
                self.by_address[address].popleft()

    def _repend(self) -> None:
        """What the pool comes to, over the head as it is now. What has become impossible leaves it when a block is made."""
        self.pending = Draft(self.state)
        for tx in self.pool.values():
            draft = Draft(self.pending)
            try:
                execute(tx, draft, self.clock(), self.energy_price, self.tokens)
            except Invalid:
                continue
            self.pending.take(draft)


class _Past(View):
    def __init__(self, chain: Chain, number: int) -> None:
        self._chain, self._number = chain, number

    def value(self, key: Key) -> Any:
        written, stood = self._chain.written_before(key, self._number)
        return stood if written else self._chain.state.value(key)
