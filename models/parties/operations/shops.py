"""Shops: where a party earns money, and what comes onto their accounts. [spec/payouts §2.4]"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import StringConstraints

from models.events.requests import Request
from models.inbox.topics import Payload, Poison, Received
from models.kernel.clock import now
from models.kernel.inputs import code as code_problems
from models.kernel.inputs import text
from models.kernel.lifecycle import AlreadyThere
from models.kernel.money import Money, exponent
from models.kernel.refusals import (
    CurrencyNotSupported,
    FieldProblem,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
    Refusal,
    VersionConflict,
)
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.ledger.errors import InsufficientFunds
from models.parties import postings
from models.parties.errors import CONTRACT_NOT_FOUND, PARTY_NOT_FOUND, PAYOUT_TOOL_NOT_FOUND, ConfigurationError
from models.parties.lifecycle import SHOPS
from models.parties.operations.standing import coded, locked_shop, may_write
from models.parties.postings import AccountType
from models.parties.reads import ContractRecord, ShopRecord, terms_of
from models.parties.tables import (
    CODE_MAX,
    LOCATION_MAX,
    NAME_MAX,
    REASON_MAX,
    Contract,
    Party,
    PaymentInstitution,
    PayoutTool,
    Shop,
)
from models.unit import Unit, operation

CATEGORY_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Opened:
    """How a shop works."""

    name: str
    currency: str
    category: int
    contract: str
    payout_tool: str | None = None
    location: str | None = None
    suspended: bool = False


@operation(
    answers=ShopRecord,
    refuses=(NotFound, NotAllowed, InvalidInput, CurrencyNotSupported, VersionConflict),
)
async def upsert_shop(
    work: Unit, party: str, code: str, opened: Opened, *, by: Viewer, request: Request | None = None
) -> Shop:
    """Bring a shop, with its three accounts, or change how it works. Locks its code, holds party and contract, then locks the shop.

    Its currency stays: its accounts are in it, and the contract's institution must have a system account in it. A payout tool
    must be the contract's and of that currency; a shop whose payouts are scheduled keeps one. Refuses PARTY_NOT_FOUND,
    CONTRACT_NOT_FOUND, PAYOUT_TOOL_NOT_FOUND. Repeated as it is: the shop, nothing written.
    """
    may_write(by, "upsert")
    exponent(opened.currency)
    if problems := [*code_problems("shopId", code, CODE_MAX), *_problems(opened)]:
        raise InvalidInput(*problems)
    await work.alone(f"shop:{party}/{code}")
    owner, contract = await _held(work, party, opened.contract)
    if not await Shop.exists(party_id=owner.id, code=code):
        shop = Shop(party_id=owner.id, party_code=party, code=code, currency=opened.currency)
        await _work_so(shop, opened, contract)
        await _open_accounts(work, shop)
        return await work.open(shop)
    shop = await locked_shop(work, party, code)
    SHOPS.may(shop, "change", by)
    if shop.currency != opened.currency:
        raise InvalidInput(FieldProblem("currency", f"stays {shop.currency}: the shop's accounts are in it"))
    before = _said(shop)
    await _work_so(shop, opened, contract)
    if before == _said(shop):
        raise AlreadyThere(shop)
    shop.revision += 1
    return await work.record(shop, "change", before=before)


async def _held(work: Unit, party: str, contract: str) -> tuple[Party, Contract]:
    """What the shop comes to rest on stays as it is until it does: whoever changes it then sees the shop."""
    owner = await work.share(Party, sql("r.code = {}", party), visible_to=TRUE, code=PARTY_NOT_FOUND)
    where = sql("r.party_id = {} AND r.code = {}", owner.id, contract)
    return owner, await work.share(Contract, where, visible_to=TRUE, code=CONTRACT_NOT_FOUND)


async def _work_so(shop: Shop, opened: Opened, contract: Contract) -> None:
    institution = await PaymentInstitution.get(id=contract.institution_id)
    if shop.currency not in institution.accounts:
        raise CurrencyNotSupported(shop.currency, sorted(institution.accounts))
    await _allowed(shop.currency, opened.category, contract)
    shop.name, shop.location, shop.category = opened.name, opened.location, opened.category
    shop.suspended, shop.contract_id = opened.suspended, contract.id
    shop.payout_tool_id = await _tool(shop, opened.payout_tool)


async def _allowed(currency: str, category: int, contract: Contract) -> None:
    """What the contract's terms say now of who may work under them; terms that say nothing yet forbid nothing."""
    try:
        terms = await terms_of(ContractRecord.of(contract.columns()), now())
    except ConfigurationError:
        return
    if terms.currencies is not None and currency not in terms.currencies:
        raise CurrencyNotSupported(currency, sorted(terms.currencies))
    if terms.categories is not None and category not in terms.categories:
        told = ", ".join(map(str, sorted(terms.categories)))
        raise InvalidInput(FieldProblem("category", f"must be one that the contract's terms allow: {told}"))


async def _tool(shop: Shop, code: str | None) -> int | None:
    if code is None:
        if shop.scheduled:
            raise InvalidInput(FieldProblem("payoutToolId", "is needed while the shop's payouts are scheduled"))
        return None
    tool = await coded(PayoutTool, code, contract_id=shop.contract_id)
    if tool is None:
        raise NotFound("payout tool", code=PAYOUT_TOOL_NOT_FOUND)
    if tool.currency != shop.currency:
        raise InvalidInput(FieldProblem("payoutToolId", f"takes {tool.currency}, the shop has {shop.currency}"))
    id: int = tool.id
    return id


async def _open_accounts(work: Unit, shop: Shop) -> None:
    for kind, column in (
        (AccountType.MERCHANT_SETTLEMENT, "settlement_account"),
        (AccountType.MERCHANT_GUARANTEE, "guarantee_account"),
        (AccountType.MERCHANT_PAYOUT, "payout_account"),
    ):
        account = postings.shop_account(kind, shop.party_code, shop.code, shop.currency)
        setattr(shop, column, (await work.open_account(account, f"{shop.name}: {kind.value}")).id)


def _said(shop: Shop) -> dict[str, Any]:
    names = ("name", "location", "category", "suspended", "contract_id", "payout_tool_id")
    return {name: getattr(shop, name) for name in names}


def _problems(opened: Opened) -> list[FieldProblem]:
    problems = text("name", opened.name, NAME_MAX)
    if opened.location is not None:
        problems += text("location", opened.location, LOCATION_MAX)
    if not 0 <= opened.category <= CATEGORY_MAX:
        problems.append(FieldProblem("category", f"must be 0 to {CATEGORY_MAX}"))
    return problems


# money that comes


@operation(
    answers=ShopRecord,
    refuses=(
        NotFound,
        NotAllowed,
        InvalidAmount,
        InvalidInput,
        CurrencyNotSupported,
        InsufficientFunds,
        VersionConflict,
    ),
)
async def adjust_shop(
    work: Unit, party: str, code: str, money: Money, reason: str, *, by: Viewer, request: Request | None = None
) -> Shop:
    """An operator corrects a shop's settlement account, up or down, and says why.

    Locks the shop, then the account. Posts house adjustments -> settlement, or back for a negative amount. Refuses
    INSUFFICIENT_FUNDS where it would go below zero.
    """
    if problems := text("reason", reason, REASON_MAX):
        raise InvalidInput(*problems)
    if not money:
        raise InvalidAmount("An adjustment of zero changes nothing.")
    shop = await locked_shop(work, party, code)
    SHOPS.may(shop, "adjust", by)
    if money.currency != shop.currency:
        raise CurrencyNotSupported(money.currency, [shop.currency])
    call = await work.post(shop, postings.adjusted(shop, money, reason))
    return await work.record(
        shop, "adjust", amount_minor=money.minor, currency=money.currency, reason=reason, call=call
    )


class ShopCredited(Payload):
    """Another system says what a shop has earned: payments that were captured and cleared."""

    party_id: Annotated[str, StringConstraints(min_length=1, max_length=CODE_MAX)]
    shop_id: Annotated[str, StringConstraints(min_length=1, max_length=CODE_MAX)]
    amount: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,8})?$")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{3,12}$")]


async def credited(work: Unit, said: ShopCredited, received: Received) -> None:
    """Book it onto the shop's settlement account, once for each event id. Locks the shop, then the account."""
    try:
        money = Money.of(Decimal(said.amount), said.currency).positive()
        shop = await locked_shop(work, said.party_id, said.shop_id)
    except Refusal as no:
        raise Poison(f"{no.code}: {no}") from no
    if money.currency != shop.currency:
        raise Poison(f"the shop has {shop.currency}, not {money.currency}")
    call = await work.post(shop, postings.credited(shop, money, received))
    await work.record(shop, "credit", amount_minor=money.minor, currency=money.currency, call=call)
