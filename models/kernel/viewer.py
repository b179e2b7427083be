"""Who asks, and what may be shown to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

FAR = datetime(9999, 12, 31, tzinfo=UTC)


class Role(StrEnum):
    """What a token says its bearer is."""

    USER = "user"
    MERCHANT = "merchant"
    CHANNEL = "channel"
    OPERATOR = "operator"
    SERVICE = "service"
    AUDITOR = "auditor"
    SYSTEM = "system"  # the house's own jobs; no token carries it


OPERATOR, SERVICE, AUDITOR, SYSTEM, USER = Role.OPERATOR, Role.SERVICE, Role.AUDITOR, Role.SYSTEM, Role.USER
MERCHANT = Role.MERCHANT
POWERS = (Role.SYSTEM, Role.OPERATOR, Role.SERVICE, Role.CHANNEL, Role.MERCHANT, Role.USER, Role.AUDITOR)
OPS = "ops"  # the audience token of everybody who reads everything


@dataclass(frozen=True, slots=True)
class Viewer:
    """The bearer of a checked token, or the house itself."""

    subject: str
    roles: frozenset[Role]
    person: int | None = None
    party: str | None = None
    shops: frozenset[str] = field(default_factory=frozenset)
    expires_at: datetime = FAR

    @classmethod
    def system(cls, job: str) -> Viewer:
        return cls(f"job:{job}", frozenset({SYSTEM}))

    def has(self, *roles: Role) -> bool:
        return not self.roles.isdisjoint(roles)

    @property
    def reads_everything(self) -> bool:
        return self.has(OPERATOR, AUDITOR, SYSTEM)

    @property
    def role(self) -> Role:
        """The one role that an event names as its actor's class: the most powerful one."""
        return next(role for role in POWERS if role in self.roles)

    @property
    def tokens(self) -> frozenset[str]:
        """The audiences this viewer belongs to: an event is for whoever shares a token with it."""
        tokens = {OPS} if self.reads_everything else set()
        if self.has(USER) and self.person is not None:
            tokens.add(f"person:{self.person}")
        if self.has(Role.MERCHANT) and self.party:
            tokens |= {f"shop:{self.party}/{shop}" for shop in self.shops} or {f"party:{self.party}"}
        if self.has(Role.CHANNEL):
            tokens.add(f"channel:{self.subject}")
        if self.has(SERVICE):
            tokens.add(f"service:{self.subject}")
        return frozenset(tokens)

    @property
    def sight(self) -> tuple[object, ...]:
        """Two viewers of one sight see the same of everything, and may do the same with it."""
        own = self.subject if self.has(SERVICE, Role.CHANNEL) else None
        return (self.roles, self.person, self.party, self.shops, own)
