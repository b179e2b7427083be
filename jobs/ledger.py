"""The ledger's jobs: fold hot accounts, audit the books."""

from __future__ import annotations

from collections.abc import Sequence

import sentry_sdk
import structlog

from jobs.running import Tools
from models.kernel.metrics import AUDIT_DIFFERENCES, FOLDED
from models.ledger import folding
from models.ledger.audit import Check, audit
from models.wiring import CHECKS
from models.work.operations import Report

log = structlog.get_logger("jobs")
BATCHES_MAX = 1_000


async def fold_hot_accounts(tools: Tools) -> Report:
    """Fold in small batches until nothing waits, or until another folder is at work."""
    total = 0
    for _ in range(BATCHES_MAX):
        folded = await folding.fold(tools.settings.fold_batch)
        total += folded or 0
        FOLDED.inc(folded or 0)
        if folded is None or folded < tools.settings.fold_batch:
            break
    return Report(done=total)


async def audit_books(tools: Tools) -> Report:
    """Prove the books. A difference is no failure of the job: it is found, told, and shown by `audit`."""
    report = await prove("the books", CHECKS)
    AUDIT_DIFFERENCES.set(report.failures)
    return report


async def prove(what: str, checks: Sequence[Check]) -> Report:
    """Run checks over the books. What differs is told, and never mended by itself."""
    report = await audit(checks)
    differences = sum(finding.count for finding in report.findings)
    if differences:
        broken = {finding.check: finding.differences[:3] for finding in report.findings if finding.count}
        log.error("books_differ", what=what, **broken)
        sentry_sdk.capture_message(f"{what} differ: {', '.join(broken)}", level="fatal")
    return Report(done=report.accounts, failures=differences, result=report.wire())
