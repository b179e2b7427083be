"""Cash flows: what moves with a payout, or would."""

from __future__ import annotations

import strawberry

from models.kernel import money as kernel
from models.parties.postings import AccountType
from models.payouts import reads
from schema.context import Info
from schema.contracts import PayoutTool
from schema.ledger import LedgerAccount
from schema.money import Money


@strawberry.type(description="One end of a posting.")
class CashFlowAccount:
    type: AccountType = strawberry.field(description="What the terms call it.")
    account_id: strawberry.Private[int]

    @strawberry.field(description="The account in the ledger; null unless it is yours, or you are staff.")
    async def account(self, info: Info) -> LedgerAccount | None:
        record = await info.context.load.account(self.account_id)
        return LedgerAccount.of(record) if record else None


@strawberry.type(description="One posting of a cash flow; one of zero is shown, and moves nothing.")
class CashFlowPosting:
    source: CashFlowAccount = strawberry.field(description="What gives.")
    destination: CashFlowAccount = strawberry.field(description="What receives.")
    amount: Money = strawberry.field(description="How much.")
    details: str = strawberry.field(description="What the terms say of it; may be empty.")

    @classmethod
    def of(
        cls, source: tuple[AccountType, int], target: tuple[AccountType, int], amount: kernel.Money, details: str
    ) -> CashFlowPosting:
        ends = [CashFlowAccount(type=kind, account_id=id) for kind, id in (source, target)]
        return cls(source=ends[0], destination=ends[1], amount=Money.of(amount), details=details)


@strawberry.type(description="What a payout would be. Nothing was written.")
class CashFlowPreview:
    requested: Money = strawberry.field(description="What was asked for.")
    amount: Money = strawberry.field(description="What the merchant would get.")
    fee: Money = strawberry.field(description="What would be taken of it.")
    settlement_change: Money = strawberry.field(description="By how much the shop's settlement would fall.")
    payout_tool: PayoutTool = strawberry.field(description="Where it would go.")
    cash_flow: list[CashFlowPosting] = strawberry.field(description="All that would move, in order.")

    @classmethod
    def of(cls, seen: reads.Preview) -> CashFlowPreview:
        return cls(
            requested=Money.of(seen.quote.requested),
            amount=Money.of(seen.quote.amount),
            fee=Money.of(seen.quote.fee),
            settlement_change=Money.of(seen.quote.spent),
            payout_tool=PayoutTool.of(seen.quote.tool),
            cash_flow=[
                CashFlowPosting.of(
                    (one.source_type, seen.ids[one.source_type]),
                    (one.destination_type, seen.ids[one.destination_type]),
                    one.amount,
                    one.details,
                )
                for one in seen.quote.postings
            ],
        )
