from __future__ import annotations

import pytest

from models.kernel.viewer import Role, Viewer


@pytest.mark.parametrize(
    ("roles", "named"),
    [
        ({"operator", "auditor"}, "operator"),
        ({"service", "auditor"}, "service"),
        ({"user", "merchant"}, "merchant"),
        ({"auditor"}, "auditor"),
    ],
)
def test_an_event_names_the_role_that_could_do_it(roles, named):
    assert Viewer("x", frozenset(Role(role) for role in roles)).role == named
