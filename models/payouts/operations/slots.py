"""The moments of a schedule: a cron expression of five fields, in a time zone. Pure; the expressions are read by cronsim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from models.kernel.refusals import FieldProblem
from models.payouts.tables import CRON_MAX, ZONE_MAX

FIELDS = 5


def problems(cron: str, time_zone: str, now: datetime) -> list[FieldProblem]:
    """What is wrong with them; each field is named."""
    found = []
    if len(time_zone) > ZONE_MAX or _zone(time_zone) is None:
        found.append(FieldProblem("timeZone", 'must be a time zone of the IANA database, like "Europe/Berlin"'))
    if len(cron) > CRON_MAX or len(cron.split()) != FIELDS:
        found.append(FieldProblem("cron", 'must be five fields: minute, hour, day, month, weekday, like "0 6 * * 1-5"'))
    elif not found:
        try:
            next(CronSim(cron, now))
        except CronSimError as wrong:
            found.append(FieldProblem("cron", f"cannot be read: {wrong}"))
        except StopIteration:
            found.append(FieldProblem("cron", "never comes"))
    return found


def after(cron: str, time_zone: str, moment: datetime) -> datetime:
    """The first moment of the schedule behind this one. In the hour that a clock shows twice a fixed time comes once, the first
    time; so what CronSim finds may lie behind us already."""
    moments = CronSim(cron, moment.astimezone(_known(time_zone)))
    return next(at for found in moments if (at := found.astimezone(UTC)) > moment)


def last(cron: str, time_zone: str, moment: datetime) -> datetime:
    """The last moment of the schedule up to this one: however many were missed, it is made up once. Looked for backwards, then
    forwards again, for backwards the hour that a clock shows twice is seen once."""
    behind = moment.astimezone(_known(time_zone)).replace(second=0, microsecond=0) + timedelta(minutes=1)
    found = next(CronSim(cron, behind, reverse=True)).astimezone(UTC)
    while (later := after(cron, time_zone, found)) <= moment:
        found = later
    return found


def _known(time_zone: str) -> ZoneInfo:
    zone = _zone(time_zone)
    if zone is None:
        raise ValueError(f"{time_zone} is no time zone")
    return zone


def _zone(name: str) -> ZoneInfo | None:
    return ZoneInfo(name) if name in _names() else None


@cache
def _names() -> frozenset[str]:
    """Those that mean the same on every machine."""
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})
