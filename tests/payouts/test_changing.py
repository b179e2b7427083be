"""What a shop's payouts rest on changes while one is being created: it is never made under a state that others no longer see, and
what was read of a shop is not taken for true for ever. With its guard taken out either happens. [spec/payouts §0, §3.1]"""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import asynccontextmanager

import pytest

from models.kernel.sql import TRUE, fetch_one, sql
from models.ledger.errors import InsufficientFunds
from models.parties import operations as parties
from models.parties.lifecycle import ToolKind
from models.parties.tables import Shop
from models.parties.views import shop_visible_to
from models.payouts.errors import ContractNotActive, NotOperating
from models.unit import Unit
from tests.payouts.shops import BANK, P, S, Y, earn, paid_out, posting, share, shop, stands, terms
from tests.payouts.test_races import HOUSE, differences, kinds
from tests.races.scenarios import outcomes, surprises


async def elsewhere(query):
    """Over another connection: a task with a context of its own does not see this one's transaction."""
    return await asyncio.get_running_loop().create_task(fetch_one(query), context=contextvars.Context())


@asynccontextmanager
async def slow_hold(look):
    """Who creates lingers once its cash flow is held; `seen` is what others see of the world just before it commits."""
    hold, begun, seen = Unit.hold, asyncio.Event(), []

    async def slowly(work, plan, batch):
        answer = await hold(work, plan, batch)
        begun.set()
        await asyncio.sleep(0.1)
        seen.append((await elsewhere(look))[0])
        return answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Unit, "hold", slowly)
        yield begun, seen


def changes(its, by):
    """What takes from a shop the right to be paid out, or changes where its money goes; and whether others see it."""
    party, number = its.party_code, its.code.removeprefix("s")
    contract, opened = f"c{number}", parties.Opened("A shop", "RUB", 1, f"c{number}", "own", suspended=True)
    other = BANK | {"bank_name": "Another bank"}
    ended = parties.Agreed("house", f"t{number}", terminated=True)
    return {
        "blockShop": (
            lambda: parties.block_shop(party, its.code, "x", by=by),
            sql("SELECT status = 'blocked' FROM shop WHERE id = {}", its.id),
        ),
        "blockParty": (
            lambda: parties.block_party(party, "x", by=by),
            sql("SELECT status = 'blocked' FROM party WHERE code = {}", party),
        ),
        "upsertParty": (
            lambda: parties.upsert_party(party, "Suspended", suspended=True, by=by),
            sql("SELECT suspended FROM party WHERE code = {}", party),
        ),
        "upsertShop": (
            lambda: parties.upsert_shop(party, its.code, opened, by=by),
            sql("SELECT suspended FROM shop WHERE id = {}", its.id),
        ),
        "upsertContract": (
            lambda: parties.upsert_contract(party, contract, ended, by=by),
            sql("SELECT status = 'terminated' FROM contract WHERE party_code = {}", party),
        ),
        "upsertPayoutTool": (
            lambda: parties.upsert_payout_tool(
                party, contract, "own", "RUB", ToolKind.RUSSIAN_BANK_ACCOUNT, other, by=by
            ),
            sql("SELECT details ->> 'bank_name' <> 'A bank' FROM payout_tool WHERE party_code = {}", party),
        ),
    }


CHANGES = ("blockShop", "blockParty", "upsertParty", "upsertShop", "upsertContract", "upsertPayoutTool")


async def changed_while_created(make, verb):
    """Whoever is creating goes first: nothing changed when it commits. Whoever comes after it is judged anew."""
    its = await shop(make)
    if verb == "upsertPayoutTool":
        await paid_out(make, its, "10.00")  # its state is known, and must not be taken for true for ever
    change, look = changes(its, make.operator.viewer)[verb]
    async with slow_hold(look) as (begun, seen):
        creating = asyncio.create_task(paid_out(make, its, "10.00"))
        await begun.wait()
        wrong = surprises(await outcomes([change(), creating]))
    wrong += [f"{verb} was seen before the payout was" for changed in seen if changed]
    after = (await outcomes([paid_out(make, its, "10.00")]))[0]
    if verb == "upsertPayoutTool":
        told = None if isinstance(after, BaseException) else after.destination["bank_name"]
        return wrong + ([] if told == "Another bank" else [f"goes to {told}: {after!r}"])
    return wrong + ([] if isinstance(after, NotOperating | ContractNotActive) else [f"{verb}, and then {after!r}"])


async def blocked_at_once(make):
    """Twenty creates and a block of the shop at once: whatever is not made is refused for the block, and it stays so."""
    its = await shop(make, tool=HOUSE)
    calls = [paid_out(make, its, "10.00") for _ in range(20)]
    calls.insert(10, parties.block_shop(its.party_code, its.code, "x", by=make.operator.viewer))
    found = await outcomes(calls)
    wrong = surprises(found, NotOperating)
    low = (await stands(its))["S"][1]
    made = 20 - kinds(found, NotOperating)[0]
    return wrong + ([] if low == 100_000 - 1_000 * made else [f"{made} made, {low} left"]) + await differences()


async def terms_changed_meanwhile(make):
    """Ten create without a pause while the terms change: each by the old or by the new, and whoever begins after the change
    by the new."""
    its, number = await shop(make, tool=HOUSE, earned="10000.00"), 0
    halves = [posting(S, P, share("1/2")), posting(S, Y, share("1/2"))]
    changed, wrong, going = False, [], True

    async def creator():
        while going:
            knew = changed
            made = await paid_out(make, its, "10.00")
            if made.fee.minor not in ({500} if knew else {250, 500}):
                wrong.append(f"a fee of {made.fee}, the change was {'known' if knew else 'not known'}")

    creating = [asyncio.create_task(creator()) for _ in range(10)]
    await asyncio.sleep(0.15)
    number = its.code.removeprefix("s")
    await parties.upsert_term_set(f"t{number}", "Terms", None, terms(halves), by=make.operator.viewer)
    changed = True
    await asyncio.sleep(0.1)
    going = False
    return surprises(await outcomes(creating), InsufficientFunds) + wrong + await differences()


async def brought_while(make, end, no):
    """A shop is brought while `end` is under way, which did not see it yet: once that is so, nothing is paid out of it."""
    its, by = await shop(make), make.operator.viewer
    party, number = its.party_code, its.code.removeprefix("s")
    opening, bring, move = asyncio.Event(), Unit.open, Unit.move

    async def slow_open(work, row, **facts):
        answer = await bring(work, row, **facts)
        if isinstance(row, Shop):
            opening.set()
            await asyncio.sleep(0.1)
        return answer

    async def slow_move(work, row, name, **facts):
        answer = await move(work, row, name, **facts)
        await asyncio.sleep(0.5)
        return answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Unit, "open", slow_open)
        patched.setattr(Unit, "move", slow_move)
        opened = parties.Opened("New", "RUB", 1, f"c{number}", "own")
        bringing = asyncio.create_task(parties.upsert_shop(party, "new", opened, by=by))
        await opening.wait()
        ending = asyncio.create_task(end(party, number, by))
        new = await earn(make, await bringing, "100.00")
        await outcomes([paid_out(make, new, "10.00")])  # whoever was quick, and keeps in mind what he read
        await ending
    found = await outcomes([paid_out(make, new, "10.00")])
    return [] if kinds(found, no) == [1] else [f"{found}"]


async def a_shop_joins_a_contract_that_ends(make):
    def end(party, number, by):
        agreed = parties.Agreed("house", f"t{number}", terminated=True)
        return parties.upsert_contract(party, f"c{number}", agreed, by=by)

    return await brought_while(make, end, ContractNotActive)


async def a_shop_joins_a_party_that_is_blocked(make):
    return await brought_while(make, lambda party, _, by: parties.block_party(party, "x", by=by), NotOperating)


# --- with and without -------------------------------------------------------------------------------------------------


async def _whatever_its_revision(work, asked, by, _known):
    where = sql("r.party_code = {} AND r.code = {}", asked.party, asked.shop)
    await work.share(Shop, where, visible_to=shop_visible_to(by) & TRUE)
    return True


SHARED = "models.unit.SHARED_LOCK"
GUARDED = [
    (terms_changed_meanwhile, "models.payouts.operations.making._held", _whatever_its_revision),
    (a_shop_joins_a_contract_that_ends, SHARED, ""),
    (a_shop_joins_a_party_that_is_blocked, SHARED, ""),
]
by_name = {"ids": lambda value: getattr(value, "__name__", "")}


@pytest.mark.parametrize("scenario", [*(row[0] for row in GUARDED), blocked_at_once], **by_name)
async def test_nothing_goes_wrong(make, scenario):
    assert await scenario(make) == []


@pytest.mark.broken_books
@pytest.mark.parametrize(("scenario", "guard", "instead"), GUARDED, **by_name)
async def test_without_its_guard_something_does(make, scenario, guard, instead, monkeypatch):
    monkeypatch.setattr(guard, instead)
    assert await scenario(make) != []


@pytest.mark.parametrize("verb", CHANGES)
async def test_a_payout_is_never_made_under_a_state_that_others_no_longer_see(make, verb):
    assert await changed_while_created(make, verb) == []


@pytest.mark.parametrize("verb", CHANGES)
async def test_without_the_shared_lock_of_the_shop_one_is(make, verb, monkeypatch):
    monkeypatch.setattr(SHARED, "")
    assert await changed_while_created(make, verb) != []
