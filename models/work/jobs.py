"""The jobs there are: their names, what they do, and how often. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from settings import settings


@dataclass(frozen=True, slots=True)
class Job:
    """One job. Its period is the setting `<period>_period_seconds`, its timeout the one named by `timeout`."""

    name: str
    period: str
    about: str
    timeout: str = "job"
    alone: bool = False
    """Whether one process runs it once at a time: for what may take longer than its period, and claims all that is due."""

    @property
    def period_seconds(self) -> int:
        seconds: int = getattr(settings(), f"{self.period}_period_seconds")
        return seconds

    @property
    def timeout_seconds(self) -> int:
        seconds: int = getattr(settings(), f"{self.timeout}_timeout_seconds")
        return seconds


FOLD_HOT_ACCOUNTS = Job(
    "fold_hot_accounts",
    "fold_net",
    "Turns queued changes of hot accounts into entries; the net under the folder that runs all the time.",
)
AUDIT_BOOKS = Job("audit_books", "audit", "Proves the books and names what differs.", timeout="audit")
RUN_REQUESTED_JOBS = Job("run_requested_jobs", "run_requests", "Runs what operators asked for.", timeout="run_requests")
PRUNE = Job("prune", "prune", "Forgets requests, runs and messages that are older than they are kept.")

JOBS = (FOLD_HOT_ACCOUNTS, AUDIT_BOOKS, RUN_REQUESTED_JOBS, PRUNE)
