from enum import StrEnum

from models.kernel.lifecycle import Lifecycle, Move
from models.kernel.viewer import SYSTEM


class JobRunStatus(StrEnum):
    REQUESTED = "requested"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


S = JobRunStatus
LIFECYCLE = Lifecycle(
    "job_run",
    start=S.REQUESTED,
    moves={
        "start": Move({S.REQUESTED}, S.RUNNING, who={SYSTEM}),
        "finish": Move({S.RUNNING}, S.DONE, who={SYSTEM}),
        "fail": Move({S.RUNNING}, S.FAILED, who={SYSTEM}),
    },
)
