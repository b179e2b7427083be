"""Terms and payment institutions: what contracts rest on, whoever's they are. [spec/payouts §2.4, §6.2]"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from models.events.requests import Request
from models.kernel.inputs import code as code_problems
from models.kernel.inputs import text
from models.kernel.lifecycle import AlreadyThere
from models.kernel.money import exponent
from models.kernel.refusals import (
    CurrencyNotSupported,
    FieldProblem,
    InvalidInput,
    NotAllowed,
    NotFound,
    VersionConflict,
)
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.parties.errors import TERM_SET_NOT_FOUND
from models.parties.lifecycle import INSTITUTIONS, TERM_SETS
from models.parties.operations.noting import domain_changes
from models.parties.operations.standing import coded, may_write
from models.parties.postings import (
    AccountType,
    read_predicate,
    read_timed,
    system_account,
    written_predicate,
    written_timed,
)
from models.parties.reads import InstitutionRecord, TermSetRecord
from models.parties.tables import CODE_MAX, NAME_MAX, PaymentInstitution, TermSet
from models.unit import Unit, operation

CRITERIA_MAX, PARENTS_MAX = 100, 20
SETTLEMENT, SUBAGENT = AccountType.SYSTEM_SETTLEMENT, AccountType.SYSTEM_SUBAGENT


@operation(answers=InstitutionRecord, refuses=(InvalidInput, NotAllowed, CurrencyNotSupported, VersionConflict))
async def upsert_institution(
    work: Unit,
    code: str,
    name: str,
    currencies: Collection[str],
    subagents: Collection[str],
    criteria: object,
    *,
    by: Viewer,
    request: Request | None = None,
) -> PaymentInstitution:
    """Bring a payment institution, or change it. Its system accounts are opened with it: one for settlement in each of
    `currencies`, and one for the subagent in each of `subagents`; none is ever taken away.

    Locks its code, then it. Raises the revision of the domain. Repeated as it is: the institution, nothing written.
    """
    may_write(by, "upsert")
    problems = [*code_problems("paymentInstitutionId", code, CODE_MAX), *text("name", name, NAME_MAX)]
    if set(subagents) - set(currencies):
        problems.append(FieldProblem("accounts", "a subagent's account stands beside one for settlement"))
    if problems:
        raise InvalidInput(*problems)
    for currency in currencies:
        exponent(currency)
    said = _criteria(criteria)
    await work.alone(f"payment_institution:{code}")
    if not await PaymentInstitution.exists(code=code):
        born = PaymentInstitution(code=code, name=name, criteria=said, accounts={})
        born.accounts = await _accounts(work, born, currencies, subagents)
        await domain_changes(work)
        return await work.open(born)
    institution = await work.lock(PaymentInstitution, sql("r.code = {}", code), visible_to=TRUE)
    if gone := set(institution.accounts) - set(currencies):
        raise InvalidInput(FieldProblem("accounts", f"{', '.join(sorted(gone))} stay: money may stand on them"))
    accounts = await _accounts(work, institution, currencies, subagents)
    if (institution.name, institution.criteria, institution.accounts) == (name, said, accounts):
        raise AlreadyThere(institution)
    INSTITUTIONS.may(institution, "change", by)
    institution.name, institution.criteria, institution.accounts = name, said, accounts
    await domain_changes(work)
    return await work.record(institution, "change")


async def _accounts(
    work: Unit, institution: PaymentInstitution, currencies: Collection[str], subagents: Collection[str]
) -> dict[str, dict[str, int]]:
    """Those that there are, and the missing ones opened."""
    accounts = {currency: dict(known) for currency, known in institution.accounts.items()}
    for currency in sorted(currencies):
        known = accounts.setdefault(currency, {})
        wanted = [SETTLEMENT, *([SUBAGENT] if currency in subagents else [])]
        for kind in wanted:
            if kind.value not in known:
                account = system_account(kind, institution.code, currency)
                known[kind.value] = (await work.open_account(account, f"{institution.name}: {kind.value}")).id
    return accounts


def _criteria(criteria: object) -> dict[str, Any]:
    """As they are kept. Refuses INVALID_INPUT with the place of each mistake."""
    if not isinstance(criteria, dict) or len(criteria) > CRITERIA_MAX:
        raise InvalidInput(FieldProblem("criteria", f"must be an object of up to {CRITERIA_MAX} predicates"))
    if wrong := [one for name in criteria for one in code_problems(f"criteria.{name[:CODE_MAX]}", name, CODE_MAX)]:
        raise InvalidInput(*wrong)
    return {name: written_predicate(read_predicate(said, f"criteria.{name}")) for name, said in criteria.items()}


@operation(answers=TermSetRecord, refuses=(NotFound, InvalidInput, NotAllowed, VersionConflict))
async def upsert_term_set(
    work: Unit,
    code: str,
    name: str,
    parent: str | None,
    timed: object,
    *,
    by: Viewer,
    request: Request | None = None,
) -> TermSet:
    """Bring a set of terms, or change what it says; what it leaves out its parent says. [spec/payouts §6.2]

    Locks the key of all terms, then the set. Raises the revision of the domain. Refuses TERM_SET_NOT_FOUND for an unknown
    parent, INVALID_INPUT with the place of each mistake, or for parents in a circle. Repeated as it is: the set, nothing written.
    """
    may_write(by, "upsert")
    problems = [*code_problems("termSetId", code, CODE_MAX), *text("name", name, NAME_MAX)]
    if problems:
        raise InvalidInput(*problems)
    said = written_timed(read_timed(timed, "timed"))
    await work.alone("term_sets")
    parent_id = await _parent(work, code, parent)
    if not await TermSet.exists(code=code):
        await domain_changes(work)
        return await work.open(TermSet(code=code, name=name, parent_id=parent_id, timed=said))
    terms = await work.lock(TermSet, sql("r.code = {}", code), visible_to=TRUE)
    if (terms.name, terms.parent_id, terms.timed) == (name, parent_id, said):
        raise AlreadyThere(terms)
    TERM_SETS.may(terms, "change", by)
    terms.name, terms.parent_id, terms.timed = name, parent_id, said
    await domain_changes(work)
    return await work.record(terms, "change")


async def _parent(work: Unit, code: str, parent: str | None) -> int | None:
    if parent is None:
        return None
    found = await coded(TermSet, parent)
    if found is None:
        raise NotFound("term set", code=TERM_SET_NOT_FOUND)
    line = await work.db.fetch(
        """WITH RECURSIVE line AS (SELECT id, code, parent_id, 1 AS n FROM term_set WHERE id = $1
                                    UNION ALL SELECT t.id, t.code, t.parent_id, n + 1 FROM term_set t JOIN line l
                                        ON t.id = l.parent_id WHERE n <= $2) SELECT code FROM line""",
        found.id,
        PARENTS_MAX,
    )
    if code in {row["code"] for row in line}:
        raise InvalidInput(FieldProblem("parentId", "would make a circle"))
    if len(line) >= PARENTS_MAX:
        raise InvalidInput(FieldProblem("parentId", f"has {PARENTS_MAX} sets above it already"))
    id: int = found.id
    return id
