from enum import StrEnum

from models.kernel.lifecycle import Deed, Lifecycle
from models.kernel.viewer import OPERATOR, SERVICE


class PersonStatus(StrEnum):
    ACTIVE = "active"


LIFECYCLE = Lifecycle(
    "person",
    start=PersonStatus.ACTIVE,
    moves={},
    deeds={
        "rename": Deed(who={OPERATOR, SERVICE}),
        "adjust": Deed(who={OPERATOR}),
    },
)
