"""Which accounts a service has. Pure."""

from __future__ import annotations

from models.kernel.viewer import Viewer
from models.ledger.chart import Account, Line, Policy, Side
from models.ledger.plans import Plan

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
