"""Deposits out of nowhere, and the amounts that bring trouble with them."""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.given import Wrong
from sandbox.tron.addresses import base58
from sandbox.tron.given import USDT, Deposit, Part, units
from sandbox.tron.network import Network
from sandbox.tron.tokens import FAKE_CONTRACT, MANY_CONTRACT, WHALE, WHALE_KEY, Token, Transfer, transfer_data
from sandbox.tron.transactions import Gift, Tx, gift_of

LATE, FAILING, VANISHING = 13, 44, 66
"""What follows the point of a deposit's amount, to the full cent."""
LATE_BLOCKS = 10


def give(net: Network, given: Deposit) -> dict[str, Any]:
    """Into the pool; where each transfer will be found."""
    transfers = tuple(_transfer(net, part) for part in given.parts)
    cents = {_cents(part) for part in given.parts} if given.magic else set()
    gift = Gift(
        transfers,
        fails=given.fails or FAILING in cents,
        vanishes=VANISHING in cents,
        unsolid_for=LATE_BLOCKS if LATE in cents else 0,
    )
    made = [_submit(net, gift) for _ in range(given.times)]
    deposits = [{"txId": tx.id, "logIndex": index} for tx in made for index in range(len(transfers))]
    return {**deposits[0], "deposits": deposits}


def token_of(net: Network, name: str) -> Token:
    """USDT, FAKE, or a contract's address; one that nobody knew is made a token."""
    if name == USDT:
        return net.usdt
    try:
        address = FAKE_CONTRACT if name == "FAKE" else base58(name)
    except ValueError:
        raise Wrong("token", f"{name} is neither USDT nor FAKE nor an address") from None
    return net.chain.tokens.setdefault(address, Token(address))


def _transfer(net: Network, part: Part) -> Transfer:
    return Transfer(token_of(net, part.token).address, part.sender or WHALE, part.address, units(part.amount))


def _cents(part: Part) -> int:
    """-1 where the amount is finer than a cent."""
    whole, rest = divmod(units(part.amount), 10_000)
    return whole % 100 if not rest else -1


def _submit(net: Network, gift: Gift) -> Tx:
    chain, first = net.chain, gift.transfers[0]
    several = len(gift.transfers) > 1
    tx = gift_of(
        gift,
        key=WHALE_KEY,
        contract=MANY_CONTRACT if several else first.token,
        data=secrets.token_bytes(4) if several else transfer_data(first.to, first.amount),
        block_id=chain.known(chain.solid).id,
        at=chain.clock(),
        nonce=secrets.randbits(128),
    )
    chain.submit(tx)
    return tx
