"""Which accounts payments have, and what moves on them. Pure. [spec/deals §4]"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import TypeVar, cast

from models.kernel.money import Money
from models.ledger.chart import HOUSE, Account, Line, Policy, Side
from models.ledger.transfers import Movement, Transfer
from models.payments.tables import Deposit, Payment, Sweep
from models.people.postings import available

DEPOSITS = Line(
    "gateway.deposit",
    "gateway:{}:deposit",
    Side.ASSET,
    Policy.HOT,
    "What people have paid in and we have not moved yet: on deposit addresses, or on the bank account.",
)
TREASURY = Line("treasury.main", "treasury:{}:main", Side.ASSET, Policy.HOT, "What stands on the main wallet.")
UNMATCHED = Line(
    "suspense.unmatched", "suspense:unmatched", Side.LIABILITY, Policy.HOT, "What arrived and nobody knows for whom."
)
NETWORK_FEES = Line(
    "expense.network_fee", "expense:network_fee", Side.EXPENSE, Policy.HOT, "What a network took for our transactions."
)
LINES = (DEPOSITS, TREASURY, UNMATCHED, NETWORK_FEES)
DEPOSIT, SUSPEND, MATCH = "deposit", "deposit.unmatched", "deposit.matched"
SWEEP, TOP_UP, FEE = "sweep", "sweep.top_up", "sweep.fee"
CORRECTIONS = (DEPOSIT, MATCH)
FEE_CURRENCY = "TRX"
T = TypeVar("T")


def deposits(network: str, currency: str) -> Account:
    return DEPOSITS.account(network, currency, owner=HOUSE)


def treasury(network: str, currency: str) -> Account:
    return TREASURY.account(network, currency, owner=HOUSE)


def unmatched(currency: str) -> Account:
    return UNMATCHED.account(HOUSE, currency, owner=HOUSE)


def credit(payment: Payment, arrived: Sequence[Deposit]) -> list[Transfer]:
    """Arrived: the person has what came, not what was asked for."""
    return [
        Transfer(
            DEPOSIT,
            deposits(deposit.network, deposit.currency),
            available(payment.person_id, deposit.currency),
            _amount(deposit),
            _key(deposit),
        )
        for deposit in arrived
    ]


def suspend(deposit: Deposit) -> list[Transfer]:
    """Arrived for nobody that we know: we owe it to somebody."""
    place = deposits(deposit.network, deposit.currency)
    return [Transfer(SUSPEND, place, unmatched(deposit.currency), _amount(deposit), _key(deposit))]


def match(payment: Payment, deposit: Deposit) -> list[Transfer]:
    """Somebody was found for it."""
    his = available(payment.person_id, deposit.currency)
    return [Transfer(MATCH, unmatched(deposit.currency), his, _amount(deposit), f"match:deposit:{deposit.id}")]


def swept(sweep: Sweep, network: str) -> list[Transfer]:
    """Confirmed: the coins stand on the main wallet, or TRX on the deposit address; what the network took is spent."""
    moved = {
        "sweep": (SWEEP, treasury(network, sweep.currency), deposits(network, sweep.currency)),
        "top_up": (TOP_UP, deposits(network, sweep.currency), treasury(network, sweep.currency)),
    }[sweep.purpose]
    return [Transfer(*moved, sweep.money, f"sweep:{sweep.id}"), *burned(sweep, network)]


def burned(sweep: Sweep, network: str) -> list[Transfer]:
    """What the network took for it, from whoever sent it; also for one that failed."""
    if not sweep.fee_minor:
        return []
    payer = {"sweep": deposits, "top_up": treasury}[sweep.purpose](network, FEE_CURRENCY)
    spent = NETWORK_FEES.account(HOUSE, FEE_CURRENCY, owner=HOUSE)
    return [Transfer(FEE, spent, payer, Money(sweep.fee_minor, FEE_CURRENCY), f"fee:sweep:{sweep.id}")]


def worked() -> Iterator[Movement]:
    """What each posts: a deposit of 100 USDT by person 1, its sweep, and 28 TRX sent to pay for it, of which 13 are burned."""
    deposit = _sample(
        Deposit, id=5, network="tron", tx_id="ab12", log_index=0, amount_minor=100_000_000, currency="USDT"
    )
    payment = _sample(Payment, id=3, person_id=1)
    sweep = _sample(
        Sweep, id=9, purpose="sweep", currency="USDT", money=Money(100_000_000, "USDT"), fee_minor=13_000_000
    )
    top_up = _sample(Sweep, id=8, purpose="top_up", currency="TRX", money=Money(28_000_000, "TRX"), fee_minor=1_100_000)
    yield "credit_deposit", credit(payment, [deposit])
    yield "confirm", swept(sweep, "tron")
    yield "confirm", swept(top_up, "tron")
    yield "fail", burned(sweep, "tron")
    yield "leave_unmatched", suspend(deposit)
    yield "match_deposit", match(payment, deposit)


def _sample(_table: type[T], **columns: object) -> T:
    """Something that looks like a row, without a database."""
    return cast(T, SimpleNamespace(**columns))


def _amount(deposit: Deposit) -> Money:
    return Money(deposit.amount_minor, deposit.currency)


def _key(deposit: Deposit) -> str:
    """One key for wherever it is booked: a deposit is booked once."""
    return f"deposit:{deposit.network}:{deposit.tx_id}:{deposit.log_index}"
