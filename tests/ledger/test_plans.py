"""Plans: acceptance statements 31-40 of the payouts specification, as the ledger's design amends them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.kernel.clock import now
from models.kernel.refusals import IllegalMove, InvalidInput, NotFound
from models.kernel.sql import fetch, sql
from models.ledger import balances
from models.ledger.errors import InsufficientFunds, InvalidPostings
from models.ledger.plans import BATCH_MAX, BATCH_MIN, Batch, PlanAnswer, Posting
from models.services import operations as services
from tests.ledger.books import BY, SERVICE, commit, floored, fold_all, hold, house, post, revert, rollback, state

pytestmark = pytest.mark.usefixtures("database")


async def account(currency: str = "EUR") -> int:
    return (await services.create_account(currency, "", by=SERVICE)).id


def batch(id: int, *postings: tuple[int, int, int], currency: str = "EUR", note: str = "") -> Batch:
    return Batch(id, tuple(Posting(source, target, amount, currency, note) for source, target, amount in postings))


async def hold_own(plan: str, *batches: Batch) -> PlanAnswer:
    for one in batches:
        answer = await services.hold_plan(plan, one, by=SERVICE)
    return answer


async def finish(plan: str, op, *batches: Batch) -> PlanAnswer:
    return await services.finish_plan(plan, op, batches, by=SERVICE)


def figures(answer: PlanAnswer, id: int) -> tuple[int, int, int]:
    """(own, min, max) of one account in an answer."""
    (one,) = (s for s in answer.accounts if s.id == id)
    return one.own, one.min_available, one.max_available


async def test_31_a_repeated_hold_is_told_what_the_first_one_saw(nothing_written):
    a, b = await account(), await account()
    first = await hold_own("p", batch(1, (a, b, 15)))
    await hold_own("q", batch(1, (b, a, 11)))
    async with nothing_written():
        again = await hold_own("p", batch(1, (a, b, 15)))
    assert (again.repeated, again.accounts) == (True, first.accounts)
    assert figures(again, a) == (0, -15, 0)


async def test_32_a_final_plan_stays_as_it_is(nothing_written):
    a, b = await account(), await account()
    held = batch(1, (a, b, 15))
    await hold_own("p", held)
    committed = await finish("p", "commit", held)
    async with nothing_written():
        with pytest.raises(IllegalMove) as no:
            await hold_own("p", batch(2, (a, b, 1)))
        assert (no.value.code, no.value.status) == ("PLAN_STATE", "COMMIT")
        with pytest.raises(IllegalMove):
            await finish("p", "rollback", held)
        again = await finish("p", "commit", held)
    assert (again.repeated, again.accounts) == (True, committed.accounts)


async def test_32_a_rolled_back_plan_cannot_be_committed(nothing_written):
    a, b = await account(), await account()
    held = batch(1, (a, b, 15))
    await hold_own("p", held)
    await finish("p", "rollback", held)
    async with nothing_written():
        with pytest.raises(IllegalMove):
            await finish("p", "commit", held)
        assert (await finish("p", "rollback", held)).repeated
    assert await own(a, b) == [0, 0]


async def test_33_a_new_batch_comes_after_all_held_ones(nothing_written):
    a, b = await account(), await account()
    await hold_own("p", batch(2, (a, b, 15)))
    async with nothing_written():
        with pytest.raises(InvalidPostings) as no:
            await hold_own("p", batch(1, (a, b, 1), (b, a, 2)))
    assert [(p.batch_id, p.index) for p in no.value.problems] == [(1, 0), (1, 1)]


async def test_34_a_commit_names_exactly_what_is_held(nothing_written):
    a, b = await account(), await account()
    one, two = batch(1, (a, b, 15)), batch(2, (b, a, 5), note="back")
    await hold_own("p", one, two)
    wrong = [
        [one],
        [one, batch(2, (b, a, 6), note="back")],
        [one, batch(2, (b, a, 5), note="other")],
        [one, batch(3, (b, a, 5), note="back")],
        [one, batch(2, (a, b, 5), note="back")],
    ]
    async with nothing_written():
        for batches in wrong:
            with pytest.raises(InvalidPostings):
                await finish("p", "commit", *batches)
    await finish("p", "commit", two, one)
    assert await own(a, b) == [-10, 10]


async def test_35_postings_are_compared_as_multisets(nothing_written):
    a, b = await account(), await account()
    twice = batch(1, (a, b, 7), (a, b, 7))
    await hold_own("p", twice)
    async with nothing_written():
        with pytest.raises(InvalidPostings) as no:
            await finish("p", "commit", batch(1, (a, b, 7)))
        assert no.value.problems[0].messages == ("was held and is missing",)
        with pytest.raises(InvalidPostings) as no:
            await finish("p", "commit", batch(1, (a, b, 7), (a, b, 7), (a, b, 7)))
        assert [(p.index, p.messages) for p in no.value.problems] == [(2, ("was not held like this",))]
        with pytest.raises(InvalidPostings):
            await hold_own("p", batch(1, (a, b, 7)))
    await finish("p", "commit", twice)
    assert await own(a, b) == [-14, 14]


async def test_36_every_message_about_every_posting_is_told_and_no_plan_is_made(nothing_written):
    a, b = await account("EUR"), await account("USD")
    async with nothing_written():
        with pytest.raises(InvalidPostings) as no:
            await hold_own("p", batch(1, (a, a, -5), (a, b, 5)))
        assert [(p.index, p.messages) for p in no.value.problems] == [
            (0, ("source and target are the same account", "the amount is negative"))
        ]
        with pytest.raises(InvalidPostings) as no:
            await hold_own("p", batch(1, (a, 10**9, 5), (a, b, 5), currency="RUB"))
        assert [(p.index, p.messages) for p in no.value.problems] == [
            (0, ("unknown target account", "the source account is in EUR, not RUB")),
            (1, ("the source account is in EUR, not RUB", "the target account is in USD, not RUB")),
        ]


async def test_36_an_account_of_others_is_an_unknown_one(nothing_written):
    a, b = await account(), await account()
    stranger = type(SERVICE)("stranger", SERVICE.roles)
    async with nothing_written():
        with pytest.raises(InvalidPostings) as no:
            await services.hold_plan("p", batch(1, (a, b, 5)), by=stranger)
    assert no.value.problems[0].messages == ("unknown source account", "unknown target account")


@pytest.mark.parametrize("wrong", ["none", "empty", "twice", "least", "most", "two"])
async def test_37_a_plan_has_a_shape(wrong, nothing_written):
    a, b = await account(), await account()
    leg = (a, b, 1)
    batches = {
        "none": [],
        "empty": [batch(1)],
        "twice": [batch(1, leg), batch(1, leg)],
        "least": [batch(BATCH_MIN, leg)],
        "most": [batch(BATCH_MAX, leg)],
        "two": [batch(1, leg), batch(2, leg)],
    }[wrong]
    async with nothing_written():
        if wrong in ("empty", "least", "most"):
            with pytest.raises(InvalidInput):
                await services.hold_plan("p", batches[0], by=SERVICE)
        with pytest.raises((InvalidInput, NotFound)):
            await finish("p", "commit", *batches)


async def test_38_min_and_max_follow_the_net_of_the_plan():
    a, b = await account(), await account()
    batches, seen = [], []
    for id, net in enumerate((100, -35, 5, -100, -10, 50), start=1):
        batches.append(batch(id, (b, a, net) if net > 0 else (a, b, -net)))
        seen.append(figures(await hold_own("p", batches[-1]), a))
    assert seen == [(0, 0, 100), (0, 0, 65), (0, 0, 70), (0, -30, 0), (0, -40, 0), (0, 0, 10)]
    assert figures(await finish("p", "commit", *batches), a) == (10, 10, 10)


async def test_opposite_postings_of_one_batch_cancel_at_once():
    a, b = await account(), await account()
    answer = await hold_own("p", batch(1, (a, b, 50), (b, a, 50)))
    assert figures(answer, a) == (0, 0, 0)
    await finish("p", "commit", batch(1, (a, b, 50), (b, a, 50)))


async def test_zero_postings_are_kept_and_shown_and_move_nothing():
    a, b = await account(), await account()
    await hold_own("p", batch(1, (a, b, 0)))
    await finish("p", "commit", batch(1, (a, b, 0)))
    assert len(await balances.postings(["service:rides/p"])) == 1
    assert await fetch(sql("SELECT 1 FROM ledger_entry UNION ALL SELECT 1 FROM ledger_transfer")) == []


async def test_39_a_difference_counts_from_its_start_and_not_its_end():
    a, b = await account(), await account()
    for amount in (100, -30):
        legs = (b, a, amount) if amount > 0 else (a, b, -amount)
        await hold_own(f"p{amount}", batch(1, legs))
        await finish(f"p{amount}", "commit", batch(1, legs))
    times = [
        row["at"]
        for row in await fetch(
            sql("SELECT at FROM ledger_entry WHERE account_id = {} AND op = 'commit' ORDER BY version", a)
        )
    ]
    first, second = times
    assert (await balances.own_at(BY, a, first)).minor == 0
    assert (await balances.own_at(BY, a, second)).minor == 100
    assert (await balances.own_at(BY, a, second + timedelta(microseconds=1))).minor == 70
    assert (await balances.own_between(BY, a, first, second)).minor == 100
    assert (await balances.own_between(BY, a, first, second + timedelta(microseconds=1))).minor == 70


async def test_40_the_balance_of_an_unknown_account_is_not_found():
    for ask in (balances.own_at(BY, 10**9, now()), balances.own_between(BY, 10**9, now(), now())):
        with pytest.raises(NotFound) as no:
            await ask
        assert no.value.code == "ACCOUNT_NOT_FOUND"


async def test_a_hold_is_judged_by_the_floor(nothing_written):
    await post((house(), floored(1), 100))
    await hold("p", 1, (floored(1), floored(2), 60))
    async with nothing_written():
        with pytest.raises(InsufficientFunds) as no:
            await hold("q", 1, (floored(1), floored(3), 41))
        assert (no.value.available.minor, no.value.required.minor) == (40, 41)
        with pytest.raises(InsufficientFunds):
            await post((floored(1), floored(3), 41))
    await hold("q", 1, (floored(1), floored(3), 40))
    assert await state(floored(1)) == (100, 0, 100)
    await rollback("p")
    await commit("q")
    assert await state(floored(1)) == (60, 60, 60)


async def test_what_is_pending_in_cannot_be_spent(nothing_written):
    await post((house(), floored(1), 100))
    await hold("p", 1, (floored(1), floored(2), 100))
    async with nothing_written():
        with pytest.raises(InsufficientFunds):
            await post((floored(2), floored(3), 1))
    await rollback("p")


async def test_a_hot_account_has_exact_pending_amounts_folded_or_not():
    answer = await hold("p", 1, (house(), floored(1), 70))
    (hot,) = (s for s in answer.accounts if s.name == house().name)
    assert (hot.own, hot.min_available, hot.max_available) == (0, -70, 0)
    await fold_all()
    assert await state(house()) == (0, -70, 0)
    await commit("p")
    assert await state(house()) == (-70, -70, -70)
    await fold_all()
    assert await state(house()) == (-70, -70, -70)


async def test_a_revert_mirrors_a_committed_plan_in_one_call(nothing_written):
    await post((house(), floored(1), 100))
    await hold("p", 1, (floored(1), floored(2), 60), (floored(1), house(), 10))
    with pytest.raises(IllegalMove):
        await revert("p", "r")
    await commit("p")
    await revert("p", "r")
    assert [await state(a) for a in (floored(1), floored(2), house())] == [(100,) * 3, (0,) * 3, (-100,) * 3]
    async with nothing_written():
        again = await revert("p", "r")
        assert (again.repeated, again.key, again.state) == (True, "house/r", "COMMIT")
    found = await balances.plans(BY, ["house/r"])
    assert (found["house/r"].state, found["house/r"].reverts) == ("COMMIT", "house/p")


async def test_a_revert_under_a_taken_id_is_refused(nothing_written):
    for name in ("p", "q"):
        await hold(name, 1, (house(), floored(1), 60))
    await commit("p")
    async with nothing_written():
        with pytest.raises(IllegalMove):
            await revert("p", "q")


async def test_a_plan_of_many_batches_can_still_be_ended():
    a, b = await account(), await account()
    for id in range(1, 103):
        await hold_own("p", batch(id, (a, b, 1)))
    await services.finish_plan("p", "commit", None, by=SERVICE)
    assert await own(a, b) == [-102, 102]


async def test_a_revert_cannot_take_what_was_spent(nothing_written):
    await hold("p", 1, (house(), floored(1), 60))
    await commit("p")
    await post((floored(1), floored(2), 50))
    async with nothing_written():
        with pytest.raises(InsufficientFunds):
            await revert("p", "r")


async def test_an_unknown_plan_is_not_found_and_a_foreign_one_looks_the_same(nothing_written):
    a, b = await account(), await account()
    await hold_own("p", batch(1, (a, b, 5)))
    stranger = type(SERVICE)("stranger", SERVICE.roles)
    async with nothing_written():
        for plan, by in (("nowhere", SERVICE), ("p", stranger)):
            with pytest.raises(NotFound) as no:
                await services.finish_plan(plan, "commit", [batch(1, (a, b, 5))], by=by)
            assert (no.value.code, str(no.value)) == ("PLAN_NOT_FOUND", "There is no such plan.")
    await finish("p", "rollback", batch(1, (a, b, 5)))


async def own(*ids: int) -> list[int]:
    found = await balances.accounts(BY, ids)
    return [found[id].own for id in ids]
