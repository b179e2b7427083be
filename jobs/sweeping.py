"""Step SWEEP: what is on a wallet goes to the main wallet; one transaction, whatever happens on the way. [spec/deals §7.1.1]

The chain is asked first. What was signed is sent again as it is; another is signed only once it is proved that the one before
can never be on the chain: by the blocks that we have read ourselves, since a node that is asked for it may be any that lags.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sentry_sdk
import structlog

from gateways.receipts import Refused, Unsure
from gateways.tron.words import SYSTEM, Keys, Means, Node, Prices, Receipt
from jobs.running import Tools
from models.kernel.money import Money
from models.payments import operations as payments
from models.payments import reads
from models.payments.lifecycle import Purpose
from models.payments.operations import Claimed, Done
from models.payments.operations.sweeping import worth_sweeping
from models.payments.reads import Attempt, CursorRecord, WalletRecord
from settings import Settings

log = structlog.get_logger("jobs")
SOON = timedelta()
LATER = timedelta(minutes=5)
TRANSACTION_BYTES = 400
"""What a signed token transfer takes of bandwidth, at most."""
PROOF_SECONDS = 60
"""How far the blocks that were read must be past a transaction's expiry before its absence from them proves anything."""
OPEN_MAX = timedelta(hours=1)
"""How long after its expiry a transaction may be open before a human hears of it."""
FAILED_MAX = 3
TOP_UPS_MAX = 3
ROUNDS_MAX = 6
TOO_LATE = frozenset({"TRANSACTION_EXPIRATION_ERROR", "TAPOS_ERROR"})
"""What a node answers also to a transaction that stands in a block already: it looks at that last."""


async def sweep(tools: Tools, node: Node, claimed: Claimed) -> tuple[Claimed, timedelta | None]:
    """As far as it goes now. Answers the payment as it stands then, and when there will be more to do: None for nothing."""
    sent: set[int] = set()
    for _ in range(ROUNDS_MAX):
        wallet = _wallet(claimed)
        under_way = await reads.under_way(wallet.id)
        attempt = under_way.get(Purpose.TOP_UP) or under_way.get(Purpose.SWEEP)
        if attempt is not None and attempt.raw_tx is not None:
            after = await _conclude(tools, node, claimed, attempt, again=attempt.sweep.id not in sent)
            sent.add(attempt.sweep.id)
            if after is None:
                return claimed, SOON
            claimed = after
            continue
        if attempt is None and not worth_sweeping(wallet.left.minor):
            await _defer(tools, claimed, "BELOW_THRESHOLD" if wallet.left else None)
            return claimed, None
        begun = await _begin(tools, node, claimed, attempt)
        if isinstance(begun, timedelta):
            return claimed, begun
        sent.add(begun)
    return claimed, SOON


async def _conclude(tools: Tools, node: Node, claimed: Claimed, attempt: Attempt, *, again: bool) -> Claimed | None:
    """Ask the chain what became of a transaction. None: it is not known yet; where it is in no block it is sent `again`."""
    sent = attempt.sweep
    if sent.tx_id is None or sent.expires_at is None or attempt.raw_tx is None:
        raise AssertionError("what was signed has an id, an end and its bytes")
    cursor = await reads.cursor(SYSTEM)
    receipt = await node.receipt(sent.tx_id)
    if receipt is not None:
        return await _in_a_block(tools, claimed, attempt, receipt)
    if not again or await node.receipt(sent.tx_id, solid=False) is not None:
        return None
    over = cursor is not None and cursor.block_at > sent.expires_at + timedelta(seconds=PROOF_SECONDS)
    if cursor is not None and over and _all_read(cursor, attempt):
        await _still_there(node, claimed, attempt)
        proof = f"every block to {cursor.block} of {cursor.block_at:%H:%M:%S} was read and it is in none"
        await payments.expire_attempt(claimed, sent.id, proof, by=tools.by)
        return claimed
    if attempt.seen_block is None:
        await _send(tools, node, claimed, sent.id, attempt.raw_tx)
    if cursor is not None and cursor.block_at > sent.expires_at + OPEN_MAX:
        raise Unsure(SYSTEM, "receipt", _open(attempt, cursor))
    return None


def _all_read(cursor: CursorRecord, attempt: Attempt) -> bool:
    """Every block was read in which it could be, and it was in none."""
    signed = attempt.signed_block
    return attempt.seen_block is None and signed is not None and cursor.first_block <= signed + 1


async def _still_there(node: Node, claimed: Claimed, attempt: Attempt) -> None:
    """What a sweep that never was would have taken is still on its address."""
    sent, address = attempt.sweep, _wallet(claimed).address
    if sent.purpose is Purpose.SWEEP:
        balance = await node.token_balance(address)
        if balance < sent.amount.minor:
            raise Unsure(SYSTEM, "balance", f"{sent.tx_id} is in no block that was read, and {address} holds {balance}")


def _open(attempt: Attempt, cursor: CursorRecord) -> str:
    """Why it is not known what became of a transaction, though its time is long over."""
    if attempt.seen_block is not None:
        return f"the node has no {attempt.sweep.tx_id}, which stands in block {attempt.seen_block}"
    return f"{attempt.sweep.tx_id} may stand in a block before {cursor.first_block}, and those were not read"


async def _in_a_block(tools: Tools, claimed: Claimed, attempt: Attempt, receipt: Receipt) -> Claimed:
    sent, done = attempt.sweep, Done(receipt.outcome, receipt.fee_sun, receipt.energy)
    if not receipt.succeeded:
        await payments.fail_attempt(claimed, sent.id, done, by=tools.by)
        return claimed
    if sent.purpose is Purpose.SWEEP and not any(
        (one.to, one.amount) == (sent.to_address, sent.amount.minor) for one in receipt.transfers
    ):
        raise Unsure(SYSTEM, "receipt", f"{sent.tx_id} succeeded and tells of no such transfer")
    confirmed = await payments.confirm(claimed, sent.id, done, by=tools.by)
    if confirmed is None:
        raise Unsure(SYSTEM, "confirm", "the claim is over")
    return confirmed


async def _begin(tools: Tools, node: Node, claimed: Claimed, planned: Attempt | None) -> timedelta | int:
    """Plan, sign, keep, send: TRX first where the address cannot pay for a transfer. Answers the id of the attempt that was
    sent, or how long to wait where it is better left."""
    wallet, keys = _wallet(claimed), _keys(tools)
    failed = await reads.failed_attempts(wallet.id)
    if failed >= FAILED_MAX:
        raise RuntimeError(f"{FAILED_MAX} sweeps of {wallet.address} failed: each costs, so a human has to look")
    if planned is not None and planned.sweep.purpose is Purpose.TOP_UP:
        return await _sign_and_send(tools, node, keys, claimed, planned.sweep.id, None)
    amount = planned.sweep.amount if planned else wallet.left
    prices = await node.prices(fresh=failed > 0)  # it may have failed because they rose
    sent = await reads.top_ups(wallet.id)
    costs = await _costs(node, wallet, prices, amount, tools.settings, sent.left_sun)
    if costs.reason is not None:
        await _defer(tools, claimed, costs.reason)
        return LATER
    if costs.missing_sun > 0:
        if not keys.can_top_up:
            await _defer(tools, claimed, "NO_TRX")
            return LATER
        if sent.since > TOP_UPS_MAX:
            raise RuntimeError(f"{wallet.address} was sent TRX {sent.since} times without a sweep: a human has to look")
        trx = Money(costs.missing_sun, "TRX")
        opened = await payments.plan(claimed, Purpose.TOP_UP, wallet.address, trx, by=tools.by)
        fee_limit = None
    else:
        to = tools.settings.tron_main_wallet
        opened = await payments.plan(claimed, Purpose.SWEEP, to, amount, by=tools.by)
        fee_limit = costs.fee_limit_sun
    if opened is None:
        raise Unsure(SYSTEM, "plan", "the claim is over, or the wallet holds less")
    return await _sign_and_send(tools, node, keys, claimed, opened.id, fee_limit)


async def _sign_and_send(tools: Tools, node: Node, keys: Keys, claimed: Claimed, id: int, fee_limit: int | None) -> int:
    """The bytes are kept before the node sees them; if the claim is over by then, nobody ever does."""
    wallet = _wallet(claimed)
    planned = next(a.sweep for a in (await reads.under_way(wallet.id)).values() if a.sweep.id == id)
    ref = await node.solid_head()
    expires_at = ref.at + timedelta(seconds=tools.settings.tron_expiry_seconds)
    if planned.purpose is Purpose.TOP_UP:
        signed = keys.top_up(planned.to_address, planned.amount.minor, ref=ref, expires_at=expires_at)
    else:
        signed = keys.token_transfer(
            wallet.derivation_index,
            planned.to_address,
            planned.amount.minor,
            fee_limit_sun=fee_limit or 0,
            ref=ref,
            expires_at=expires_at,
        )
    kept = await payments.sign(claimed, id, signed.tx_id, signed.raw, signed.expires_at, block=ref.number, by=tools.by)
    if kept is None:
        raise Unsure(SYSTEM, "sign", "the claim is over")
    await _send(tools, node, claimed, id, signed.raw)
    return id


async def _send(tools: Tools, node: Node, claimed: Claimed, id: int, raw: str) -> None:
    """The same bytes each time. No answer may be a yes."""
    try:
        await node.broadcast(raw)
    except Refused as no:
        if no.code in TOO_LATE:  # what became of it, the chain will tell
            return
        raise
    except Unsure:
        await payments.broadcasted(claimed, id, by=tools.by)
        raise
    await payments.broadcasted(claimed, id, by=tools.by)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a transfer needs that the address lacks."""

    fee_limit_sun: int
    missing_sun: int
    reason: str | None = None
    """Why it is better left for now."""


async def _costs(
    node: Node, wallet: WalletRecord, prices: Prices, amount: Money, limits: Settings, left_sun: int
) -> Costs:
    """Delegated or staked energy first, then what TRX there is. The fee limit caps energy even where it is free, so it is
    never below the estimate with a margin. A node that shows less than the `left_sun` of what we sent lags."""
    means = await node.means(wallet.address)
    if means.sun < left_sun:
        raise Unsure(SYSTEM, "means", f"{wallet.address} has {means.sun} sun, and {left_sun} of ours must be left")
    energy = await node.transfer_energy(wallet.address, limits.tron_main_wallet, amount.minor)
    fee_limit = _and_a_fifth(energy * prices.energy)
    if fee_limit > limits.tron_fee_max_sun:
        return Costs(fee_limit, 0, "FEE_TOO_HIGH")
    short = max(0, energy - means.energy)
    if short and limits.tron_energy == "delegated":
        return Costs(fee_limit, 0, "ENERGY") if means.active else Costs(fee_limit, 1)
    return Costs(fee_limit, _missing(means, prices, short))


def _missing(means: Means, prices: Prices, energy: int) -> int:
    """In sun, with a margin; an address that is not active needs something, however little."""
    needed = _and_a_fifth(energy * prices.energy)
    if means.bandwidth < TRANSACTION_BYTES:
        needed += TRANSACTION_BYTES * prices.bandwidth
    return max(needed - means.sun, 0 if means.active else 1)


def _and_a_fifth(sun: int) -> int:
    return sun + -(-sun // 5)


async def _defer(tools: Tools, claimed: Claimed, reason: str | None) -> None:
    if claimed.sweep_deferred != reason and await payments.defer(claimed, reason, by=tools.by):
        sentry_sdk.capture_message(f"coins of payment {claimed.id} stay where they are: {reason}", level="warning")


def _wallet(claimed: Claimed) -> WalletRecord:
    if claimed.wallet is None:
        raise AssertionError("only payments with a wallet are swept")
    return claimed.wallet


def _keys(tools: Tools) -> Keys:
    if tools.outside.keys is None:
        raise Unsure(SYSTEM, "keys", "this worker has no keys")
    return tools.outside.keys
