from __future__ import annotations

import pytest

from models.parties.errors import ConfigurationError
from models.parties.postings.predicates import CategoryIs, Constant, Criterion, Variables
from models.parties.postings.selectors import Decision, Decisions, Found, Value, reduced
from tests.parties.worlds import NOTHING, given

T, F, U = Constant(True), Constant(False), CategoryIs(1)
A, B = Value("a"), Value("b")
UNDETERMINED = "cannot be reduced: undetermined by what is known of the payout"
NOTHING_IS_TRUE = "cannot be reduced: no decision is true"


def decide(*decisions):
    return Decisions(tuple(Decision(condition, then) for condition, then in decisions))


FOUND = [
    (A, "a", "fees.value"),
    (decide((T, A)), "a", "fees.decisions.0.then.value"),
    (decide((T, A), (T, B)), "a", "fees.decisions.0.then.value"),
    (decide((F, A), (T, B)), "b", "fees.decisions.1.then.value"),
    (decide((T, A), (U, B)), "a", "fees.decisions.0.then.value"),
    (decide((T, decide((F, A))), (T, B)), "b", "fees.decisions.1.then.value"),
    (decide((U, decide((F, A))), (T, B)), "b", "fees.decisions.1.then.value"),
    (decide((U, decide()), (T, B)), "b", "fees.decisions.1.then.value"),
    (decide((F, decide((U, A))), (T, B)), "b", "fees.decisions.1.then.value"),
    (decide((T, decide((F, A), (T, B)))), "b", "fees.decisions.0.then.decisions.1.then.value"),
]
REFUSED = [
    (decide(), "fees", NOTHING_IS_TRUE),
    (decide((F, A)), "fees", NOTHING_IS_TRUE),
    (decide((F, A), (T, decide((F, B)))), "fees", NOTHING_IS_TRUE),
    (decide((U, A)), "fees.decisions.0.if", UNDETERMINED),
    (decide((U, A), (T, B)), "fees.decisions.0.if", UNDETERMINED),
    (decide((F, A), (U, B), (T, A)), "fees.decisions.1.if", UNDETERMINED),
    (decide((T, decide((U, A))), (T, B)), "fees.decisions.0.then.decisions.0.if", UNDETERMINED),
    (decide((U, decide((U, A))), (T, B)), "fees.decisions.0.if", UNDETERMINED),
    (decide((F, A), (Criterion("x"), B)), "fees.decisions.1.if.criterion", "there is no criterion x"),
]


@pytest.mark.parametrize(("selector", "value", "path"), FOUND)
def test_what_a_selector_leads_to(selector, value, path):
    assert reduced(selector, given(NOTHING), "fees") == Found(value, path)


@pytest.mark.parametrize(("selector", "path", "reason"), REFUSED)
def test_what_cannot_be_reduced(selector, path, reason):
    with pytest.raises(ConfigurationError) as refused:
        reduced(selector, given(NOTHING), "fees")
    assert (refused.value.path, refused.value.reason) == (path, reason)


@pytest.mark.parametrize(("category", "value"), [(1, "a"), (2, "b")])
def test_what_is_known_decides(category, value):
    selector = decide((U, A), (T, B))
    assert reduced(selector, given(Variables(category=category)), "fees").value == value


@pytest.mark.parametrize("nothing", [(), 0, False, None, ""])
def test_a_value_that_looks_like_nothing_is_a_value(nothing):
    found = reduced(decide((T, Value(nothing)), (T, A)), given(NOTHING), "fees")
    assert found == Found(nothing, "fees.decisions.0.then.value")
