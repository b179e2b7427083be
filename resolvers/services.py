"""What a service does with accounts of its own."""

from __future__ import annotations

import strawberry

from models.kernel.viewer import SERVICE
from models.ledger import balances
from models.ledger.plans import PlanAnswer
from models.services import operations as services
from resolvers.access import mutation
from schema.context import Info
from schema.ledger import LedgerAccount, LedgerPlan
from schema.services import (
    CommitPlanResult,
    CreateLedgerAccountInput,
    CreateLedgerAccountResult,
    FinishPlanInput,
    HoldPlanInput,
    HoldPlanResult,
    RollbackPlanResult,
)


async def _answered(info: Info, answer: PlanAnswer) -> LedgerPlan:
    """The plan as the call answered it: a repeated call shows what its first one saw."""
    path = info.path.as_list()
    if answer.repeated and path not in info.context.replayed:
        info.context.replayed.append(path)
    record = (await balances.plans(info.context.viewer, [answer.key]))[answer.key]
    return LedgerPlan.of(record, answer)


@strawberry.type
class Mutations:
    @mutation("Open an account that the service owns.", SERVICE, does=services.create_account)
    async def create_ledger_account(self, info: Info, input: CreateLedgerAccountInput) -> CreateLedgerAccountResult:
        request, viewer = input.request(info), info.context.viewer
        return LedgerAccount.of(
            await services.create_account(input.currency, input.description, by=viewer, request=request)
        )

    @mutation("Hold one batch of a plan over accounts of the service.", SERVICE, does=services.hold_plan)
    async def hold_plan(self, info: Info, input: HoldPlanInput) -> HoldPlanResult:
        request, viewer = input.request(info), info.context.viewer
        answer = await services.hold_plan(input.plan_id, input.batch.batch(), by=viewer, request=request)
        return await _answered(info, answer)

    @mutation("Commit a whole plan: what it holds has happened.", SERVICE, does=services.finish_plan)
    async def commit_plan(self, info: Info, input: FinishPlanInput) -> CommitPlanResult:
        request, viewer = input.request(info), info.context.viewer
        answer = await services.finish_plan(input.plan_id, "commit", input.held(), by=viewer, request=request)
        return await _answered(info, answer)

    @mutation("Roll back a whole plan: what it holds will not happen.", SERVICE, does=services.finish_plan)
    async def rollback_plan(self, info: Info, input: FinishPlanInput) -> RollbackPlanResult:
        request, viewer = input.request(info), info.context.viewer
        answer = await services.finish_plan(input.plan_id, "rollback", input.held(), by=viewer, request=request)
        return await _answered(info, answer)
