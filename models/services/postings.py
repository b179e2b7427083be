"""Which accounts a service has. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from models.kernel.money import Money
from models.kernel.viewer import SERVICE, Viewer
from models.ledger.chart import Account, Line, Policy, Side
from models.ledger.plans import Plan
from models.ledger.transfers import Movement, Transfer

SERVICE_ACCOUNT = Line(
    "service.account",
    "service:{}",
    Side.LIABILITY,
    Policy.OPEN,
    "An account of another service; its balance is that service's matter.",
)


def owner(viewer: Viewer) -> str:
    """Who owns the accounts and plans of this service; also its audience."""
    return f"service:{viewer.subject}"


def account(viewer: Viewer, item: str, currency: str) -> Account:
    return SERVICE_ACCOUNT.account(f"{viewer.subject}:{item}", currency, owner=owner(viewer))


def plan(viewer: Viewer, plan_id: str) -> Plan:
    return Plan(id=plan_id, owner=owner(viewer), kind="service.plan", subject=f"plan:{owner(viewer)}/{plan_id}")


def worked() -> Iterator[Movement]:
    """What a posting of a plan moves when it is committed; which accounts, the service says."""
    viewer = Viewer("shop", frozenset({SERVICE}))
    one, other = (account(viewer, name, "EUR") for name in ("one", "other"))
    yield "commit", [Transfer(plan(viewer, "p").kind, one, other, Money(100, "EUR"), "plan:p")]
