"""Who asks, told back."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.kernel import viewer as kernel
from schema.context import Info
from schema.people import Person

strawberry.enum(kernel.Role, description="What a token says its bearer is.")


@strawberry.type(description="The bearer of the token of this request.")
class Viewer:
    subject: str = strawberry.field(description="The token's `sub`.")
    roles: list[kernel.Role] = strawberry.field(description="What the bearer may be.")
    party: str | None = strawberry.field(description="The merchant's party.")
    shops: list[str] = strawberry.field(description="The shops that a merchant's token is restricted to.")
    expires_at: datetime = strawberry.field(description="When the token ends.")
    number: strawberry.Private[int | None]

    @strawberry.field(description="The person that the token speaks for; null for a number that nobody has.")
    async def person(self, info: Info) -> Person | None:
        record = await info.context.load.person(self.number) if self.number is not None else None
        return Person.of(record) if record else None

    @classmethod
    def of(cls, viewer: kernel.Viewer) -> Viewer:
        return cls(
            subject=viewer.subject,
            roles=sorted(viewer.roles),
            party=viewer.party,
            shops=sorted(viewer.shops),
            expires_at=viewer.expires_at,
            number=viewer.person,
        )
