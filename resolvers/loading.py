"""Loaders: what many fields ask for one by one is fetched by one read. Each operation has its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from models.deals import reads as deals
from models.deals.reads import DisputeRecord
from models.disputes import reads as disputing
from models.disputes.reads import (
    AdjustmentRecord,
    AttachmentRecord,
    CommentRecord,
    DisputeNow,
    NotificationRecord,
)
from models.inbox import reads as inbox
from models.inbox.reads import LetterNow, MessageNow, MessageRecord
from models.kernel.money import Money
from models.kernel.viewer import Viewer
from models.ledger import balances as ledger
from models.ledger import plans
from models.ledger.balances import AccountRecord, PlanRecord, PostingRecord, TransferRecord
from models.ledger.plans import State
from models.parties import reads as parties
from models.parties.reads import (
    ContractRecord,
    InstitutionRecord,
    PartyRecord,
    ShopRecord,
    TermSetRecord,
    ToolRecord,
)
from models.payments import reads as payments
from models.payments.reads import (
    DepositRecord,
    GatewayRecord,
    PaymentNow,
    PaymentRecord,
    StepRecord,
    SweepRecord,
    WalletRecord,
)
from models.payouts import reads as payouts
from models.payouts.reads import AttemptRecord, DeliveryRecord
from models.people import reads as people
from models.people.reads import BalanceRecord, IdentityRecord, PersonRecord

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
SHOPS_MAX = 100


def _loader(read: Callable[[Sequence[K]], Awaitable[dict[K, V]]]) -> DataLoader[K, V | None]:
    async def load(keys: list[K]) -> list[V | None]:
        found = await read(keys)
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load)


def _grouped(rows: Sequence[V], key: Callable[[V], Any]) -> dict[Any, list[V]]:
    groups: dict[Any, list[V]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


class Loaders:
    """What `info.context.load` is. A loader is made when it is first asked."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    async def person(self, number: int) -> PersonRecord | None:
        return await self._persons.load(number)

    async def name(self, person: int) -> str | None:
        return await self._names.load(person)

    async def dispute(self, deal: int) -> DisputeRecord | None:
        return await self._disputes.load(deal)

    async def shortfall(self, deal: int) -> Money | None:
        return await self._shortfalls.load(deal)

    async def payment(self, id: int) -> PaymentRecord | None:
        return await self._payments.load(id)

    async def payment_now(self, id: int) -> PaymentNow | None:
        return await self._payments_now.load(id)

    async def paying(self, person: int, currency: str) -> list[PaymentRecord]:
        ids = await self._paying.load((person, currency)) or []
        return [payment for payment in await self._payments.load_many(ids) if payment is not None]

    async def gateway(self, id: int) -> GatewayRecord | None:
        return await self._gateways.load(id)

    async def deposits(self, payment: int) -> list[DepositRecord]:
        return await self._deposits.load(payment) or []

    async def steps(self, payment: int) -> list[StepRecord]:
        return await self._steps.load(payment) or []

    async def sweeps_of(self, payment: int) -> list[SweepRecord]:
        return await self._sweeps_of.load(payment) or []

    async def wallet_of(self, payment: int) -> WalletRecord | None:
        return await self._wallets_of.load(payment)

    async def balances(self, person: int) -> list[BalanceRecord]:
        return await self._balances.load(person) or []

    async def identities(self, person: int) -> list[IdentityRecord]:
        return await self._identities.load(person) or []

    async def account(self, id: int) -> AccountRecord | None:
        return await self._accounts.load(id)

    async def plan(self, key: str) -> PlanRecord | None:
        return await self._plans.load(key)

    async def postings(self, plan: str) -> list[PostingRecord]:
        return await self._postings.load(plan) or []

    async def answer(self, plan: str) -> list[State]:
        return await self._answers.load(plan) or []

    async def party(self, code: str) -> PartyRecord | None:
        return await self._parties.load(code)

    async def shop(self, id: int) -> ShopRecord | None:
        return await self._shops.load(id)

    async def shops_of(self, party: int) -> list[ShopRecord]:
        return await self._shops_of.load(party) or []

    async def contract(self, id: int) -> ContractRecord | None:
        return await self._contracts.load(id)

    async def contracts_of(self, party: int) -> list[ContractRecord]:
        return await self._contracts_of.load(party) or []

    async def payout_tool(self, id: int) -> ToolRecord | None:
        return await self._tools.load(id)

    async def tools_of(self, contract: int) -> list[ToolRecord]:
        return await self._tools_of.load(contract) or []

    async def institution(self, id: int) -> InstitutionRecord | None:
        return await self._institutions.load(id)

    async def term_set(self, id: int) -> TermSetRecord | None:
        return await self._term_sets.load(id)

    async def delivery_of(self, payout: int) -> DeliveryRecord | None:
        return await self._deliveries_of.load(payout)

    async def attempts_of(self, delivery: int) -> list[AttemptRecord]:
        return await self._attempts_of.load(delivery) or []

    async def transfers(self, call: int) -> list[TransferRecord]:
        return await self._transfers.load(call) or []

    async def message(self, id: int) -> MessageRecord | None:
        return await self._messages.load(id)

    async def message_now(self, id: int) -> MessageNow | None:
        return await self._messages_now.load(id)

    async def letter_now(self, id: int) -> LetterNow | None:
        return await self._letters_now.load(id)

    async def dispute_now(self, dispute: int) -> DisputeNow | None:
        return await self._disputes_now.load(dispute)

    async def dispute_attachments(self, dispute: int) -> list[AttachmentRecord]:
        return await self._dispute_attachments.load(dispute) or []

    async def dispute_comments(self, dispute: int) -> list[CommentRecord]:
        return await self._dispute_comments.load(dispute) or []

    async def dispute_notification(self, dispute: int) -> NotificationRecord | None:
        return await self._dispute_notifications.load(dispute)

    async def dispute_adjustment(self, dispute: int) -> AdjustmentRecord | None:
        return await self._dispute_adjustments.load(dispute)

    @cached_property
    def _persons(self) -> DataLoader[int, PersonRecord | None]:
        return _loader(lambda keys: people.persons(self._viewer, keys))

    @cached_property
    def _names(self) -> DataLoader[int, str | None]:
        return _loader(people.names)

    @cached_property
    def _disputes(self) -> DataLoader[int, DisputeRecord | None]:
        return _loader(deals.disputes)

    @cached_property
    def _shortfalls(self) -> DataLoader[int, Money | None]:
        return _loader(deals.shortfalls)

    @cached_property
    def _payments(self) -> DataLoader[int, PaymentRecord | None]:
        return _loader(lambda keys: payments.payments(self._viewer, keys))

    @cached_property
    def _payments_now(self) -> DataLoader[int, PaymentNow | None]:
        return _loader(payments.payments_now)

    @cached_property
    def _paying(self) -> DataLoader[tuple[int, str], list[int] | None]:
        return _loader(payments.paying)

    @cached_property
    def _gateways(self) -> DataLoader[int, GatewayRecord | None]:
        return _loader(payments.gateways)

    @cached_property
    def _deposits(self) -> DataLoader[int, list[DepositRecord] | None]:
        async def read(keys: Sequence[int]) -> dict[int, list[DepositRecord]]:
            return _grouped(await payments.deposits(keys), lambda deposit: deposit.payment_id)

        return _loader(read)

    @cached_property
    def _steps(self) -> DataLoader[int, list[StepRecord] | None]:
        async def read(keys: Sequence[int]) -> dict[int, list[StepRecord]]:
            return _grouped(await payments.steps(keys), lambda step: step.payment_id)

        return _loader(read)

    @cached_property
    def _sweeps_of(self) -> DataLoader[int, list[SweepRecord] | None]:
        async def read(keys: Sequence[int]) -> dict[int, list[SweepRecord]]:
            return _grouped(await payments.sweeps_of(self._viewer, keys), lambda sweep: sweep.payment_id)

        return _loader(read)

    @cached_property
    def _wallets_of(self) -> DataLoader[int, WalletRecord | None]:
        return _loader(lambda keys: payments.wallets_of(self._viewer, keys))

    @cached_property
    def _balances(self) -> DataLoader[int, list[BalanceRecord] | None]:
        return _loader(people.balances)

    @cached_property
    def _identities(self) -> DataLoader[int, list[IdentityRecord] | None]:
        return _loader(people.identities)

    @cached_property
    def _accounts(self) -> DataLoader[int, AccountRecord | None]:
        return _loader(lambda keys: ledger.accounts(self._viewer, keys))

    @cached_property
    def _plans(self) -> DataLoader[str, PlanRecord | None]:
        return _loader(lambda keys: ledger.plans(self._viewer, keys))

    @cached_property
    def _postings(self) -> DataLoader[str, list[PostingRecord] | None]:
        async def read(keys: Sequence[str]) -> dict[str, list[PostingRecord]]:
            return _grouped(await ledger.postings(keys), lambda posting: posting.plan_id)

        return _loader(read)

    @cached_property
    def _answers(self) -> DataLoader[str, list[State] | None]:
        return _loader(plans.last_answers)

    @cached_property
    def _messages(self) -> DataLoader[int, MessageRecord | None]:
        return _loader(lambda keys: inbox.messages(self._viewer, keys))

    @cached_property
    def _messages_now(self) -> DataLoader[int, MessageNow | None]:
        return _loader(inbox.messages_now)

    @cached_property
    def _letters_now(self) -> DataLoader[int, LetterNow | None]:
        return _loader(inbox.letters_now)

    @cached_property
    def _parties(self) -> DataLoader[str, PartyRecord | None]:
        return _loader(lambda keys: parties.parties_of(self._viewer, keys))

    @cached_property
    def _shops(self) -> DataLoader[int, ShopRecord | None]:
        return _loader(lambda keys: parties.shops(self._viewer, keys))

    @cached_property
    def _shops_of(self) -> DataLoader[int, list[ShopRecord] | None]:
        async def read(keys: Sequence[int]) -> dict[int, list[ShopRecord]]:
            return _grouped(await parties.shops_of(self._viewer, keys, SHOPS_MAX), lambda shop: shop.party_id)

        return _loader(read)

    @cached_property
    def _contracts(self) -> DataLoader[int, ContractRecord | None]:
        return _loader(lambda keys: parties.contracts(self._viewer, keys))

    @cached_property
    def _contracts_of(self) -> DataLoader[int, list[ContractRecord] | None]:
        async def read(keys: Sequence[int]) -> dict[int, list[ContractRecord]]:
            return _grouped(await parties.contracts_of(self._viewer, keys), lambda contract: contract.party_id)

        return _loader(read)

    @cached_property
    def _tools(self) -> DataLoader[int, ToolRecord | None]:
        return _loader(lambda keys: parties.tools(self._viewer, keys))

    @cached_property
    def _tools_of(self) -> DataLoader[int, list[ToolRecord] | None]:
        async def read(keys: Sequence[int]) -> dict[int, list[ToolRecord]]:
            return _grouped(await parties.tools_of(self._viewer, keys), lambda tool: tool.contract_id)

        return _loader(read)

    @cached_property
    def _institutions(self) -> DataLoader[int, InstitutionRecord | None]:
        return _loader(lambda keys: parties.institutions(self._viewer, keys))

    @cached_property
    def _term_sets(self) -> DataLoader[int, TermSetRecord | None]:
        return _loader(lambda keys: parties.term_sets(self._viewer, keys))

    @cached_property
    def _deliveries_of(self) -> DataLoader[int, DeliveryRecord | None]:
        return _loader(payouts.deliveries_of)

    @cached_property
    def _attempts_of(self) -> DataLoader[int, list[AttemptRecord] | None]:
        async def read(keys: Sequence[int]) -> dict[int, list[AttemptRecord]]:
            return _grouped(await payouts.attempts_of(keys), lambda attempt: attempt.delivery_id)

        return _loader(read)

    @cached_property
    def _transfers(self) -> DataLoader[int, list[TransferRecord] | None]:
        async def read(keys: Sequence[int]) -> dict[int, list[TransferRecord]]:
            return _grouped(await ledger.transfers_of_calls(keys), lambda transfer: transfer.call)

        return _loader(read)

    @cached_property
    def _disputes_now(self) -> DataLoader[int, DisputeNow | None]:
        return _loader(disputing.now_of)

    @cached_property
    def _dispute_attachments(self) -> DataLoader[int, list[AttachmentRecord] | None]:
        async def read(keys: Sequence[int]) -> dict[int, list[AttachmentRecord]]:
            return _grouped(await disputing.attachments_of(keys), lambda file: file.dispute_id)

        return _loader(read)

    @cached_property
    def _dispute_comments(self) -> DataLoader[int, list[CommentRecord] | None]:
        async def read(keys: Sequence[int]) -> dict[int, list[CommentRecord]]:
            return _grouped(await disputing.comments_of(keys), lambda comment: comment.dispute_id)

        return _loader(read)

    @cached_property
    def _dispute_notifications(self) -> DataLoader[int, NotificationRecord | None]:
        return _loader(disputing.notifications_of)

    @cached_property
    def _dispute_adjustments(self) -> DataLoader[int, AdjustmentRecord | None]:
        return _loader(disputing.adjustments_of)
