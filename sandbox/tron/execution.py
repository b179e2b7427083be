"""What a transaction does to the state: bandwidth first, then what it says, and its energy last."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.tron.state import Account, Draft, View
from sandbox.tron.tokens import Token, Transfer, read_transfer
from sandbox.tron.transactions import TRANSFER_CONTRACT, TRIGGER_CONTRACT, Tx

BYTE_PRICE = 1_000
CREATE_BANDWIDTH_FEE = 100_000
CREATE_FEE = 1_000_000
FEE_LIMIT_MAX = 15_000_000_000
REVERT_ENERGY = 3_871
"""Of a call that is stopped by one of the contract's first checks."""
REVERTED = "REVERT opcode executed"


class Invalid(Exception):
    """It cannot be in a block at all; the code is a node's own."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(f"{code}: {message}")


@dataclass(slots=True)
class Outcome:
    """What became of it. `result` is empty for what is no call of a contract."""

    result: str = ""
    message: str = ""
    system_fee: int = 0
    net_usage: int = 0
    net_fee: int = 0
    energy: int = 0
    penalty: int = 0
    energy_usage: int = 0
    energy_fee: int = 0
    returned: str = ""
    transfers: list[Transfer] = field(default_factory=list)

    @property
    def fee(self) -> int:
        return self.system_fee + self.net_fee + self.energy_fee

    @property
    def failed(self) -> bool:
        return self.result not in ("", "SUCCESS")


@dataclass(frozen=True, slots=True)
class Called:
    """What a call of a token would come to: its energy, and the words of a revert where it is one."""

    energy: int
    penalty: int = 0
    reverts: str = ""


def invalid(message: str) -> Invalid:
    return Invalid("CONTRACT_VALIDATE_ERROR", f"Contract validate error : {message}")


def execute(tx: Tx, draft: Draft, at: int, energy_price: int, tokens: dict[str, Token]) -> Outcome:
    """Writes into the draft. `Invalid` leaves a draft behind that must be thrown away."""
    if tx.gift:
        return _give(tx, draft)
    if tx.kind not in (TRANSFER_CONTRACT, TRIGGER_CONTRACT):
        raise invalid("not existing contract")
    account = draft.account(tx.owner)
    if account is None:
        raise invalid(f"account [{tx.owner}] does not exist")
    outcome = Outcome()
    creates = tx.kind == TRANSFER_CONTRACT and draft.account(tx.to) is None and tx.to not in tokens
    draft.keep(tx.owner, _bandwidth(tx, account, at, creates, outcome))
    if tx.kind == TRANSFER_CONTRACT:
        _pay(tx, draft, at, creates, outcome, tokens)
    else:
        _call(tx, draft, at, energy_price, outcome, tokens)
    return outcome


def _bandwidth(tx: Tx, account: Account, at: int, creates: bool, outcome: Outcome) -> Account:
    """A transfer that makes an account pays a fixed price, whatever bandwidth is left."""
    if not creates and tx.size <= account.bandwidth_left(at):
        outcome.net_usage = tx.size
        return account.using_bandwidth(tx.size, at)
    outcome.net_fee = CREATE_BANDWIDTH_FEE if creates else tx.size * BYTE_PRICE
    if outcome.net_fee > account.sun:
        raise Invalid("BANDWITH_ERROR", "Account resource insufficient error.")
    return account.paying(outcome.net_fee)


def _pay(tx: Tx, draft: Draft, at: int, creates: bool, outcome: Outcome, tokens: dict[str, Token]) -> None:
    payer = draft.account(tx.owner) or Account()
    if tx.to == tx.owner:
        raise invalid("Cannot transfer TRX to yourself.")
    if tx.amount <= 0:
        raise invalid("Amount must be greater than 0.")
    if tx.to in tokens:
        raise invalid("Cannot transfer TRX to a smartContract.")
    outcome.system_fee = CREATE_FEE if creates else 0
    if payer.sun < tx.amount + outcome.system_fee:
        raise invalid("Validate TransferContract error, balance is not sufficient.")
    draft.keep(tx.owner, payer.paying(tx.amount + outcome.system_fee))
    draft.keep(tx.to, (draft.account(tx.to) or Account(created=at)).paying(-tx.amount))


def _call(tx: Tx, draft: Draft, at: int, price: int, outcome: Outcome, tokens: dict[str, Token]) -> None:
    if not 0 <= tx.raw.fee_limit <= FEE_LIMIT_MAX:
        raise invalid(f"feeLimit must be >= 0 and <= {FEE_LIMIT_MAX}")
    if (token := tokens.get(tx.to)) is None:
        raise invalid("No contract or not a smart contract")
    caller = draft.account(tx.owner) or Account()
    wanted = called(draft, token.address, tx.owner, tx.data)
    most = min(caller.energy_left(at) + caller.sun // price, tx.raw.fee_limit // price)
    outcome.energy, outcome.penalty = min(wanted.energy, most), min(wanted.penalty, most)
    outcome.energy_usage = min(outcome.energy, caller.energy_left(at))
    outcome.energy_fee = (outcome.energy - outcome.energy_usage) * price
    draft.keep(tx.owner, caller.using_energy(outcome.energy_usage, at).paying(outcome.energy_fee))
    if wanted.energy > most:
        outcome.result = "OUT_OF_ENERGY"
        outcome.message = (
            f"Not enough energy for 'SSTORE' operation executing: curInvokeEnergyLimit[{most}], "
            f"curOpEnergy[20000], usedEnergy[{most}]"
        )
    elif wanted.reverts:
        outcome.result, outcome.message = "REVERT", wanted.reverts
    else:
        move = read_transfer(tx.data)
        if move is None:
            raise invalid("a transfer that is none")
        outcome.result, outcome.returned = "SUCCESS", returned_by_transfer(token)
        outcome.transfers = [Transfer(token.address, tx.owner, *move)]
        _move(draft, outcome.transfers[0])


def called(view: View, contract: str, owner: str, data: bytes) -> Called:
    """The energy that a transfer costs depends on whether the receiver holds any of the token."""
    move = read_transfer(data)
    if move is None or view.blacklisted(contract, owner):
        return Called(REVERT_ENERGY, reverts=REVERTED)
    to, amount = move
    if view.tokens(contract, owner) < amount:
        return Called(REVERT_ENERGY * 2, reverts=REVERTED)
    return Called(64_285, 49_635) if view.tokens(contract, to) else Called(130_285, 100_635)


def returned_by_transfer(token: Token) -> str:
    return f"{int(token.returns_true):064x}"


def _move(draft: Draft, transfer: Transfer) -> None:
    draft.add_tokens(transfer.token, transfer.sender, -transfer.amount)
    draft.add_tokens(transfer.token, transfer.to, transfer.amount)


def _give(tx: Tx, draft: Draft) -> Outcome:
    """Whoever sends more than he has is given it."""
    gift = tx.gift
    if gift is None or gift.fails:
        return Outcome(result="REVERT", message=REVERTED, energy=REVERT_ENERGY, energy_usage=REVERT_ENERGY)
    for transfer in gift.transfers:
        lacking = transfer.amount - draft.tokens(transfer.token, transfer.sender)
        draft.add_tokens(transfer.token, transfer.sender, max(0, lacking))
        _move(draft, transfer)
    energy = 64_285 * len(gift.transfers)
    return Outcome(
        result="SUCCESS",
        net_usage=tx.size,
        energy=energy,
        energy_usage=energy,
        returned=f"{0:064x}",
        transfers=list(gift.transfers),
    )
