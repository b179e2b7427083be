"""Contracts and payout tools: under which terms, and where money goes. [spec/payouts §2.4]"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.events.requests import Request
from models.kernel.inputs import code as code_problems
from models.kernel.lifecycle import AlreadyThere
from models.kernel.money import exponent
from models.kernel.refusals import (
    CurrencyNotSupported,
    FieldProblem,
    IllegalMove,
    InvalidInput,
    NotAllowed,
    NotFound,
    VersionConflict,
)
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.parties.errors import CONTRACT_NOT_FOUND, PAYMENT_INSTITUTION_NOT_FOUND, TERM_SET_NOT_FOUND
from models.parties.lifecycle import CONTRACTS, PAYOUT_TOOLS, ContractStatus, ToolKind
from models.parties.operations.noting import shops_change
from models.parties.operations.standing import coded, known_party, may_write
from models.parties.reads import ContractRecord, ToolRecord
from models.parties.tables import CODE_MAX, Contract, PaymentInstitution, PayoutTool, TermSet
from models.unit import Unit, operation

ADJUSTMENTS_MAX = 50
TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Other terms for a time."""

    adjustment_id: str
    terms: str
    valid_since: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a contract says."""

    institution: str
    terms: str
    valid_since: datetime | None = None
    valid_until: datetime | None = None
    adjustments: Sequence[Adjusted] = ()
    terminated: bool = False


@operation(answers=ContractRecord, refuses=(NotFound, NotAllowed, IllegalMove, InvalidInput, VersionConflict))
async def upsert_contract(
    work: Unit, party: str, code: str, agreed: Agreed, *, by: Viewer, request: Request | None = None
) -> Contract:
    """Bring a contract, change it, or terminate it, for ever. Locks its code, the contract, then its shops.

    An adjustment that is there already keeps the moment at which it was first brought. Refuses PARTY_NOT_FOUND,
    PAYMENT_INSTITUTION_NOT_FOUND, TERM_SET_NOT_FOUND; ILLEGAL_MOVE for one that is terminated. Repeated as it is: the contract,
    nothing written.
    """
    may_write(by, "upsert")
    party_id = await known_party(work, party)
    if problems := [*code_problems("contractId", code, CODE_MAX), *_problems(agreed)]:
        raise InvalidInput(*problems)
    await work.alone(f"contract:{party}/{code}")
    known = await Contract.get_or_none(party_id=party_id, code=code)
    if known is None:
        return await _opened(work, Contract(party_id=party_id, party_code=party, code=code, adjustments=[]), agreed)
    contract = await work.lock(Contract, sql("r.id = {}", known.id), visible_to=TRUE)
    if contract.status is ContractStatus.TERMINATED and agreed.terminated:
        raise AlreadyThere(contract)
    CONTRACTS.may(contract, "change", by)
    before = _said(contract)
    await _agree(work, contract, agreed)
    if before == _said(contract) and not agreed.terminated:
        raise AlreadyThere(contract)
    await shops_change(work, sql("contract_id = {}", contract.id))
    if agreed.terminated:
        return await work.move(contract, "terminate", before=before)
    return await work.record(contract, "change", before=before)


async def _opened(work: Unit, contract: Contract, agreed: Agreed) -> Contract:
    await _agree(work, contract, agreed)
    born = await work.open(contract)
    return await work.move(born, "terminate") if agreed.terminated else born


async def _agree(work: Unit, contract: Contract, agreed: Agreed) -> None:
    institution = await coded(PaymentInstitution, agreed.institution)
    if institution is None:
        raise NotFound("payment institution", code=PAYMENT_INSTITUTION_NOT_FOUND)
    first = {one["adjustment_id"]: one["created_at"] for one in contract.adjustments}
    at = await work.moment()
    contract.institution_id, contract.terms_id = institution.id, await _terms(agreed.terms)
    contract.valid_since, contract.valid_until = agreed.valid_since, agreed.valid_until
    contract.adjustments = [
        {
            "adjustment_id": one.adjustment_id,
            "created_at": first.get(one.adjustment_id, at.isoformat()),
            "valid_since": one.valid_since and one.valid_since.isoformat(),
            "valid_until": one.valid_until and one.valid_until.isoformat(),
            "terms_id": await _terms(one.terms),
        }
        for one in agreed.adjustments
    ]


async def _terms(code: str) -> int:
    found = await coded(TermSet, code)
    if found is None:
        raise NotFound("term set", code=TERM_SET_NOT_FOUND)
    id: int = found.id
    return id


def _said(contract: Contract) -> dict[str, Any]:
    names = ("institution_id", "terms_id", "valid_since", "valid_until", "adjustments")
    return {name: getattr(contract, name) for name in names}


def _problems(agreed: Agreed) -> list[FieldProblem]:
    problems = _order("validUntil", agreed.valid_since, agreed.valid_until)
    ids = [one.adjustment_id for one in agreed.adjustments]
    if len(ids) > ADJUSTMENTS_MAX or len(set(ids)) < len(ids):
        problems.append(FieldProblem("adjustments", f"may be {ADJUSTMENTS_MAX} at most, each id once"))
    for place, one in enumerate(agreed.adjustments):
        problems += code_problems(f"adjustments.{place}.adjustmentId", one.adjustment_id, CODE_MAX)
        problems += _order(f"adjustments.{place}.validUntil", one.valid_since, one.valid_until)
    return problems


def _order(path: str, since: datetime | None, until: datetime | None) -> list[FieldProblem]:
    wrong = since is not None and until is not None and until <= since
    return [FieldProblem(path, "must be after the moment from which it is valid")] if wrong else []


@operation(
    answers=ToolRecord, refuses=(NotFound, NotAllowed, IllegalMove, InvalidInput, CurrencyNotSupported, VersionConflict)
)
async def upsert_payout_tool(
    work: Unit,
    party: str,
    contract: str,
    code: str,
    currency: str,
    kind: ToolKind,
    details: Mapping[str, str],
    *,
    by: Viewer,
    request: Request | None = None,
) -> PayoutTool:
    """Bring a payout tool into a contract, or change where it leads. Locks the contract, its shops, then the tool.

    Payouts that were made keep what they were told. Kind and currency stay what they were, for shops hang on them. Refuses
    PARTY_NOT_FOUND, CONTRACT_NOT_FOUND, ILLEGAL_MOVE for a contract that is terminated. Repeated as it is:
    the tool, nothing written.
    """
    may_write(by, "upsert")
    party_id = await known_party(work, party)
    exponent(currency)
    if problems := [*code_problems("payoutToolId", code, CODE_MAX), *detail_problems(kind, details)]:
        raise InvalidInput(*problems)
    where = sql("r.party_id = {} AND r.code = {}", party_id, contract)
    its = await work.lock(Contract, where, visible_to=TRUE, code=CONTRACT_NOT_FOUND)
    CONTRACTS.may(its, "change", by)
    said = {name: value for name, value in sorted(details.items()) if value}
    known = await PayoutTool.get_or_none(contract_id=its.id, code=code)
    if known is None:
        await shops_change(work, sql("contract_id = {}", its.id))
        return await work.open(
            PayoutTool(contract_id=its.id, party_code=party, code=code, currency=currency, kind=kind, details=said)
        )
    if (known.kind, known.currency) != (kind, currency):
        path = "details" if known.kind is not kind else "currency"
        raise InvalidInput(FieldProblem(path, "kind and currency stay what they were: bring another tool"))
    if known.details != said:  # whoever changes it holds the contract, as we do: it stays so
        await shops_change(work, sql("contract_id = {}", its.id))
    tool = await work.lock(PayoutTool, sql("r.id = {}", known.id), visible_to=TRUE)
    if tool.details == said:
        raise AlreadyThere(tool)
    PAYOUT_TOOLS.may(tool, "change", by)
    tool.details = said
    return await work.record(tool, "change")


DIGITS_20, DIGITS_9, BIC = (
    re.compile(r"[0-9]{20}"),
    re.compile(r"[0-9]{9}"),
    re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?"),
)
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
FIELDS: Mapping[ToolKind, tuple[frozenset[str], frozenset[str]]] = {
    ToolKind.RUSSIAN_BANK_ACCOUNT: (frozenset({"account", "bank_name", "bank_post_account", "bank_bik"}), frozenset()),
    ToolKind.INTERNATIONAL_BANK_ACCOUNT: (frozenset({"bank_name"}), frozenset({"number", "iban", "bic"})),
    ToolKind.WALLET: (frozenset({"wallet_id"}), frozenset()),
    ToolKind.PAYMENT_INSTITUTION: (frozenset(), frozenset()),
}
"""What must and what may be said of a tool, by its kind."""
FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "account": (DIGITS_20, "must be 20 digits"),
    "bank_post_account": (DIGITS_20, "must be 20 digits"),
    "bank_bik": (DIGITS_9, "must be 9 digits"),
    "bic": (BIC, "must be a BIC of 8 or 11 characters"),
    "iban": (IBAN, "must be an IBAN without blanks"),
}


def detail_problems(kind: ToolKind, details: Mapping[str, str]) -> list[FieldProblem]:
    """What is wrong with where a tool leads, each with its place in the input. Pure."""
    must, may = FIELDS[kind]
    at = f"details.{_camel(kind.value)}"
    given = {name: value for name, value in details.items() if value}
    problems = [FieldProblem(f"{at}.{_camel(name)}", "is needed") for name in sorted(must - given.keys())]
    problems += [
        FieldProblem(f"{at}.{_camel(name)}", "does not belong here") for name in sorted(given.keys() - must - may)
    ]
    for name, value in sorted(given.items()):
        form, message = FORMS.get(name, (None, ""))
        if form is not None and not form.fullmatch(value):
            problems.append(FieldProblem(f"{at}.{_camel(name)}", message))
        elif not value.strip() or len(value) > TEXT_MAX:
            problems.append(FieldProblem(f"{at}.{_camel(name)}", f"must have 1 to {TEXT_MAX} characters"))
    if kind is ToolKind.INTERNATIONAL_BANK_ACCOUNT and not {"number", "iban"} & given.keys():
        problems.append(FieldProblem(f"{at}.iban", "an IBAN or an account number is needed"))
    iban = given.get("iban", "")
    if IBAN.fullmatch(iban) and not _adds_up(iban):
        problems.append(FieldProblem(f"{at}.iban", "has a slip: its check digits do not fit"))
    return problems


def _adds_up(iban: str) -> bool:
    """By ISO 7064, MOD 97-10."""
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)
