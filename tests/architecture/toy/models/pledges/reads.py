"""Pledges as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from models.pledges.errors import PLEDGE_NOT_FOUND
from models.pledges.lifecycle import LIFECYCLE, PledgeStatus
from models.pledges.views import visible_to

from models.kernel.money import Money
from models.kernel.refusals import NotFound
from models.kernel.rows import moment
from models.kernel.sql import fetch, join, sql
from models.kernel.viewer import Viewer
from models.unit import NounRecord


@dataclass(frozen=True, slots=True)
class PledgeRecord(NounRecord):
    """A pledge at one version."""

    noun: ClassVar[str] = LIFECYCLE.noun

    id: int
    status: PledgeStatus
    person_id: int
    amount: Money
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            row["id"],
            PledgeStatus(row["status"]),
            row["person_id"],
            Money(row["amount_minor"], row["currency"]),
            row["version"],
            moment(row["created_at"]),
            moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


async def pledge(viewer: Viewer, id: int) -> PledgeRecord:
    """Refuses PLEDGE_NOT_FOUND."""
    rows = await fetch(join([sql("SELECT * FROM pledge r WHERE"), visible_to(viewer) & sql("r.id = {}::bigint", id)]))
    if not rows:
        raise NotFound("pledge", code=PLEDGE_NOT_FOUND)
    return PledgeRecord.of(rows[0])


async def open_pledges() -> list[int]:
    return [row["id"] for row in await fetch(sql("SELECT id FROM pledge WHERE status = 'open' ORDER BY id LIMIT 100"))]
