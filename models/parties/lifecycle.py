"""Which statuses parties and what belongs to them have, and who may change what. [spec/payouts §2.4]"""

from enum import StrEnum

from models.kernel.lifecycle import Deed, Lifecycle, Move
from models.kernel.viewer import OPERATOR, SERVICE, SYSTEM


class ToolKind(StrEnum):
    """How a payout tool takes money: the payout method of the terms."""

    RUSSIAN_BANK_ACCOUNT = "russian_bank_account"
    INTERNATIONAL_BANK_ACCOUNT = "international_bank_account"
    WALLET = "wallet"
    PAYMENT_INSTITUTION = "payment_institution"


class Standing(StrEnum):
    """Of a party or a shop."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class ContractStatus(StrEnum):
    ACTIVE = "active"
    TERMINATED = "terminated"


class InUse(StrEnum):
    """Of what has no life but to be there."""

    ACTIVE = "active"


WRITERS = frozenset({OPERATOR, SYSTEM})


def _blockable(noun: str, **deeds: Deed) -> Lifecycle:
    return Lifecycle(
        noun,
        start=Standing.ACTIVE,
        moves={
            "block": Move({Standing.ACTIVE}, Standing.BLOCKED, who=WRITERS),
            "unblock": Move({Standing.BLOCKED}, Standing.ACTIVE, who=WRITERS),
        },
        deeds={"change": Deed(who=WRITERS)} | deeds,
    )


def _kept(noun: str) -> Lifecycle:
    return Lifecycle(noun, start=InUse.ACTIVE, moves={}, deeds={"change": Deed(who=WRITERS)})


PARTIES = _blockable("party")
SHOPS = _blockable("shop", adjust=Deed(who={OPERATOR}), credit=Deed(who={SERVICE, SYSTEM}))
CONTRACTS = Lifecycle(
    "contract",
    start=ContractStatus.ACTIVE,
    moves={"terminate": Move({ContractStatus.ACTIVE}, ContractStatus.TERMINATED, who=WRITERS)},
    deeds={"change": Deed(who=WRITERS, to={ContractStatus.ACTIVE})},
)
PAYOUT_TOOLS, INSTITUTIONS, TERM_SETS = (_kept(noun) for noun in ("payout_tool", "payment_institution", "term_set"))
