"""Pledges: make one, keep one."""

from __future__ import annotations

import strawberry
from models.pledges import operations as pledges
from schema.pledges import NOUN, KeepPledgeInput, KeepPledgeResult, MakePledgeInput, MakePledgeResult, Pledge

from models.kernel.viewer import OPERATOR, USER
from resolvers.access import mutation
from schema.context import Info
from schema.node import number_of


@strawberry.type
class Mutations:
    @mutation("Set money aside.", OPERATOR, USER, does=pledges.make)
    async def make_pledge(self, info: Info, input: MakePledgeInput) -> MakePledgeResult:
        request, viewer, money = input.request(info), info.context.viewer, input.money.money()
        return Pledge.of(await pledges.make(await input.person.find(info), money, by=viewer, request=request))

    @mutation("Give the money back.", OPERATOR, USER, does=pledges.keep)
    async def keep_pledge(self, info: Info, input: KeepPledgeInput) -> KeepPledgeResult:
        request, viewer = input.request(info), info.context.viewer
        return Pledge.of(await pledges.keep(number_of(input.pledge, NOUN) or 0, by=viewer, request=request))
