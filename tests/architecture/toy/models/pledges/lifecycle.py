from enum import StrEnum

from models.kernel.lifecycle import Lifecycle, Move
from models.kernel.viewer import OPERATOR, SYSTEM


class PledgeStatus(StrEnum):
    OPEN = "open"
    KEPT = "kept"


S = PledgeStatus
LIFECYCLE = Lifecycle(
    "pledge", start=S.OPEN, moves={"keep": Move({S.OPEN}, S.KEPT, who={OPERATOR, SYSTEM})}, code="PLEDGE_IS_KEPT"
)
