from enum import StrEnum

from models.kernel.lifecycle import Deed, Lifecycle
from models.kernel.viewer import OPERATOR, SERVICE, SYSTEM


class PersonStatus(StrEnum):
    ACTIVE = "active"


LIFECYCLE = Lifecycle(
    "person",
    start=PersonStatus.ACTIVE,
    moves={},
    deeds={
        "rename": Deed(who={OPERATOR, SERVICE, SYSTEM}),
        "adjust": Deed(who={OPERATOR}),
    },
)
