"""How the chain is told what to do: /control/tron/*."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from starlette.routing import Route

from sandbox.given import Nothing, Wrong, get, post
from sandbox.tron.calling import Lies
from sandbox.tron.gifts import give
from sandbox.tron.given import Change, Deposit, Lag, Lie, Look, Mine, Reorg, SetAccount, units
from sandbox.tron.network import Network
from sandbox.tron.state import Account, Draft

T = TypeVar("T")
SETTLE_MAX = 1_000


def routes(net: Network) -> list[Route]:
    control = _Control(net)
    return [
        post("tron/deposit", Deposit, control.deposit),
        post("tron/mine", Mine, control.mine),
        post("tron/settle", Nothing, control.settle),
        post("tron/settings", Change, control.change),
        post("tron/reorg", Reorg, control.reorg),
        post("tron/lag", Lag, control.lag),
        post("tron/account", SetAccount, control.account),
        post("tron/lie", Lie, control.lie),
        get("tron/chain", Look, control.look),
    ]


class _Control:
    def __init__(self, net: Network) -> None:
        self._net = net

    async def deposit(self, given: Deposit) -> dict[str, Any]:
        made = give(self._net, given)
        if given.mine:
            self._net.chain.mine()
        return made

    async def mine(self, given: Mine) -> dict[str, Any]:
        self._net.chain.ahead_ms += int(given.seconds * 1000)
        for _ in range(given.blocks):
            self._net.chain.mine(with_pool=given.with_pool)
        return _heads(self._net)

    async def settle(self, _given: Nothing) -> dict[str, Any]:
        for _ in range(SETTLE_MAX):
            if not self._net.chain.pool and not self._net.chain.unsolid():
                break
            self._net.chain.mine()
        return _heads(self._net)

    async def change(self, given: Change) -> dict[str, Any]:
        chain = self._net.chain
        self._net.block_seconds = _or(given.block_seconds, self._net.block_seconds)
        self._net.answer_seconds = _or(given.answer_seconds, self._net.answer_seconds)
        self._net.with_pool = _or(given.with_pool, self._net.with_pool)
        chain.solid_after = _or(given.solid_after, chain.solid_after)
        chain.energy_price = _or(given.energy_fee, chain.energy_price)
        self._net.changed.set()
        return {
            "blockSeconds": self._net.block_seconds,
            "solidAfter": chain.solid_after,
            "energyFee": chain.energy_price,
            "answerSeconds": self._net.answer_seconds,
            "withPool": self._net.with_pool,
        }

    async def reorg(self, given: Reorg) -> dict[str, Any]:
        chain = self._net.chain
        if given.blocks > chain.head - chain.solid:
            raise Wrong("blocks", f"only {chain.head - chain.solid} blocks are not yet solid")
        if unknown := [id for id in given.drop if chain.entry(id) is None]:
            raise Wrong("drop", f"{unknown[0]} is in no block")
        return {"dropped": chain.reorganise(given.blocks, drop=given.drop, to_pool=given.to_pool), **_heads(self._net)}

    async def lag(self, given: Lag) -> dict[str, Any]:
        self._net.lag = given.blocks
        return _heads(self._net)

    async def account(self, given: SetAccount) -> dict[str, Any]:
        self._net.chain.decree(lambda draft: _set(self._net, draft, given))
        return _account(self._net, given.address)

    async def lie(self, given: Lie) -> dict[str, Any]:
        if given.none:
            self._net.lies = Lies()
        if given.address and given.balance is not None:
            self._net.lies.balances[given.address] = units(given.balance)
        if given.hide_logs:
            self._net.lies.hidden.add(given.hide_logs)
        self._net.lies.index = _or(given.index, self._net.lies.index)
        lies = self._net.lies
        return {"balances": lies.balances, "hideLogs": sorted(lies.hidden), "index": lies.index}

    async def look(self, given: Look) -> dict[str, Any]:
        return _heads(self._net) | {
            "transfers": _transfers(self._net, given),
            "accounts": [
                _account(self._net, key[1]) for key in list(self._net.chain.state.values) if key[0] == "account"
            ],
        }


def _or(given: T | None, otherwise: T) -> T:
    return otherwise if given is None else given


def _heads(net: Network) -> dict[str, Any]:
    """As the chain has them; a node that lags says less."""
    return {"head": net.chain.head, "solidHead": net.chain.solid, "pool": list(net.chain.pool)}


def _set(net: Network, draft: Draft, given: SetAccount) -> None:
    """Whatever it is given but a black mark makes an address active."""
    if given.blacklisted is not None:
        draft.blacklist(net.usdt.address, given.address, given.blacklisted)
    if (given.trx, given.energy, given.bandwidth_used) == (None, None, None):
        return
    now = net.chain.clock()
    account = draft.account(given.address) or Account(created=now)
    if given.trx is not None:
        account = replace(account, sun=units(given.trx))
    if given.energy is not None:
        account = replace(account, energy_limit=given.energy, energy_used=0)
    if given.bandwidth_used is not None:
        account = replace(account, bandwidth_used=given.bandwidth_used, bandwidth_at=now)
    draft.keep(given.address, account)


def _account(net: Network, address: str) -> dict[str, Any]:
    chain = net.chain
    account, usdt = chain.state.account(address), net.usdt.address
    return {
        "address": address,
        "active": account is not None,
        "sun": account.sun if account else 0,
        "energy": account.energy_left(chain.clock()) if account else 0,
        "bandwidth": account.bandwidth_left(chain.clock()) if account else 0,
        "usdt": str(chain.state.tokens(usdt, address)),
        "blacklisted": chain.state.blacklisted(usdt, address),
    }


def _transfers(net: Network, given: Look) -> list[dict[str, Any]]:
    return [
        {
            "txId": seen.tx_id,
            "logIndex": seen.log_index,
            "token": seen.transfer.token,
            "from": seen.transfer.sender,
            "to": seen.transfer.to,
            "amount": str(seen.transfer.amount),
            "block": seen.block,
            "solid": seen.block <= net.chain.solid,
        }
        for seen in list(net.chain.transfers)
        if given.to in (None, seen.transfer.to)
        and given.sender in (None, seen.transfer.sender)
        and seen.block > given.after
    ]
