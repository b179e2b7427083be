from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.parties.errors import ConfigurationError
from models.parties.lifecycle import ToolKind
from models.parties.postings import Adjustment, CashRange, PayoutTerms, Posting, Terms, TimedTerms, merged
from models.parties.postings.accounts import AccountType
from models.parties.postings.predicates import Constant
from models.parties.postings.selectors import Decision, Decisions, Value
from models.parties.postings.volumes import Share

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
BEFORE, AFTER = NOON - TICK, NOON + TICK


def fees(percent):
    return Value((Posting(AccountType.MERCHANT_SETTLEMENT, AccountType.MERCHANT_PAYOUT, Share(percent, 100)),))


LIMIT, METHODS = Value(CashRange()), Value(frozenset({ToolKind.WALLET}))
NO_METHODS = Value(frozenset[ToolKind]())


def terms(**said):
    return Terms(PayoutTerms(**said))


def always(**said):
    return [TimedTerms(terms(**said))]


def timed(percent, since=None, until=None):
    return TimedTerms(terms(fees=fees(percent)), since, until)


def test_each_node_is_laid_over_its_parents_field_by_field():
    chain = [always(fees=fees(1), cash_limit=LIMIT), always(payout_methods=METHODS), always(fees=fees(3))]
    assert merged(chain, [], NOON) == terms(fees=fees(3), cash_limit=LIMIT, payout_methods=METHODS)


def test_what_says_the_least_still_replaces():
    said = always(fees=Value(()), payout_methods=NO_METHODS, cash_limit=Decisions(()))
    chain = [always(fees=fees(1), payout_methods=METHODS, cash_limit=LIMIT), said]
    assert merged(chain, [], NOON) == said[0].terms


def test_a_selector_is_replaced_whole():
    decisions = Decisions((Decision(Constant(False), fees(2)),))
    assert merged([always(fees=fees(1)), always(fees=decisions)], [], NOON) == terms(fees=decisions)


def test_terms_without_payouts_take_nothing_away():
    silent = [TimedTerms(Terms())]
    assert merged([always(fees=fees(1)), silent], [], NOON) == terms(fees=fees(1))
    assert merged([silent, always(fees=fees(1))], [], NOON) == terms(fees=fees(1))
    assert merged([silent], [], NOON) == Terms()


def test_who_may_work_under_them_is_replaced_whole_and_else_inherited():
    few, many = frozenset({"RUB"}), frozenset({"EUR", "RUB"})
    parent = [TimedTerms(Terms(currencies=many, categories=frozenset({1})))]
    assert merged([parent, [TimedTerms(Terms(currencies=few))]], [], NOON) == Terms(None, few, frozenset({1}))
    nobody = Terms(currencies=frozenset(), categories=frozenset())
    assert merged([parent, [TimedTerms(nobody)]], [], NOON) == nobody


@pytest.mark.parametrize(
    ("since", "until", "active"),
    [
        (None, None, True),
        (NOON, None, True),
        (AFTER, None, False),
        (None, NOON, False),
        (None, AFTER, True),
        (NOON, AFTER, True),
        (BEFORE, NOON, False),
        (NOON, NOON, False),
    ],
)
def test_a_set_holds_from_its_beginning_and_not_at_its_end(since, until, active):
    assert timed(1, since, until).active(NOON) is active
    chain = [always(fees=fees(9)), [timed(1, since, until)]]
    assert merged(chain, [], NOON) == terms(fees=fees(1 if active else 9))


def test_the_last_in_the_list_wins_whenever_it_begins():
    node = [timed(1), timed(2, NOON), timed(3, BEFORE), timed(4, AFTER), timed(5, None, NOON)]
    assert merged([node], [], NOON) == terms(fees=fees(3))
    assert merged([node], [], AFTER) == terms(fees=fees(4))
    assert merged([node], [], BEFORE) == terms(fees=fees(5))


def test_only_one_set_of_a_node_holds():
    node = [*always(cash_limit=LIMIT), *always(fees=fees(1))]
    assert merged([node], [], NOON) == terms(fees=fees(1))


@pytest.mark.parametrize("chain", [[], [[]], [[], []], [[timed(1, AFTER)], [timed(2, None, NOON)]]])
def test_a_hierarchy_without_an_active_set_is_a_mistake(chain):
    adjustment = Adjustment(BEFORE, [always(fees=fees(7))])
    with pytest.raises(ConfigurationError) as refused:
        merged(chain, [adjustment], NOON)
    assert refused.value.path == "terms"
    assert refused.value.reason == "no set of terms is active at 2026-03-01T12:00:00+00:00"


def test_a_parent_with_an_active_set_is_enough():
    assert merged([always(fees=fees(1)), [timed(2, AFTER)]], [], NOON) == terms(fees=fees(1))


def test_19_given_an_active_adjustment_that_sets_fees_then_they_replace_the_contracts_fully():
    chain = [always(fees=Decisions((Decision(Constant(True), fees(1)),)), cash_limit=LIMIT)]
    adjustment = Adjustment(BEFORE, [always(fees=fees(7))])
    assert merged(chain, [adjustment], NOON) == terms(fees=fees(7), cash_limit=LIMIT)


@pytest.mark.parametrize(
    ("created", "since", "until", "active"),
    [
        (BEFORE, None, None, True),
        (NOON, None, None, True),
        (AFTER, None, None, False),
        (AFTER, NOON, None, True),
        (BEFORE, AFTER, None, False),
        (BEFORE, None, NOON, False),
        (BEFORE, None, AFTER, True),
        (BEFORE, NOON, AFTER, True),
    ],
)
def test_when_an_adjustment_is_active(created, since, until, active):
    adjustment = Adjustment(created, [always(fees=fees(7))], since, until)
    assert adjustment.active(NOON) is active
    assert merged([always(fees=fees(1))], [adjustment], NOON) == terms(fees=fees(7 if active else 1))


def test_later_adjustments_replace_what_earlier_ones_say():
    older = Adjustment(BEFORE, [always(fees=fees(7), payout_methods=METHODS)])
    newer = Adjustment(BEFORE, [always(fees=fees(5)), always(fees=fees(8))])
    own = [always(fees=fees(1), cash_limit=LIMIT)]
    both = terms(fees=fees(8), cash_limit=LIMIT, payout_methods=METHODS)
    assert merged(own, [older, newer], NOON) == both
    assert merged(own, [newer, older], NOON) == terms(fees=fees(7), cash_limit=LIMIT, payout_methods=METHODS)


def test_an_adjustment_whose_own_sets_are_not_active_changes_nothing():
    adjustment = Adjustment(BEFORE, [[timed(7, AFTER)]])
    assert merged([always(fees=fees(1))], [adjustment], NOON) == terms(fees=fees(1))
