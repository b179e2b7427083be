from __future__ import annotations

import pytest

from models.ledger.chart import Policy, Side
from models.parties.postings import SHOP_LINES, SYSTEM_LINES, AccountType, shop_account, system_account

A = AccountType
ROWS = [
    (A.MERCHANT_SETTLEMENT, "shop.settlement", "shop:p/s:settlement", "shop:p/s", Side.LIABILITY, Policy.FLOORED),
    (A.MERCHANT_GUARANTEE, "shop.guarantee", "shop:p/s:guarantee", "shop:p/s", Side.LIABILITY, Policy.OPEN),
    (A.MERCHANT_PAYOUT, "shop.payout", "shop:p/s:payout", "shop:p/s", Side.LIABILITY, Policy.OPEN),
    (A.SYSTEM_SETTLEMENT, "system.settlement", "system:main:settlement", "house", Side.INCOME, Policy.HOT),
    (A.SYSTEM_SUBAGENT, "system.subagent", "system:main:subagent", "house", Side.LIABILITY, Policy.HOT),
]


@pytest.mark.parametrize(("kind", "line", "name", "owner", "side", "policy"), ROWS)
def test_the_accounts_of_a_payout(kind, line, name, owner, side, policy):
    ours = kind in SHOP_LINES
    account = shop_account(kind, "p", "s", "RUB") if ours else system_account(kind, "main", "RUB")
    assert (account.name, account.owner, account.currency) == (name, owner, "RUB")
    assert (account.line.kind, account.line.side, account.line.policy) == (line, side, policy)
    assert (account.line.ends_at_zero, account.line.held, account.line.announced) == (False, False, False)


def test_no_other_type_has_a_line():
    assert {*SHOP_LINES, *SYSTEM_LINES} == {row[0] for row in ROWS}
    assert len({line.kind for line in (*SHOP_LINES.values(), *SYSTEM_LINES.values())}) == 5


@pytest.mark.parametrize(("party", "shop"), [("a/b", "c"), ("a", "b/c")])
def test_two_shops_never_share_a_name(party, shop):
    with pytest.raises(ValueError, match="do not make the name of one shop"):
        shop_account(A.MERCHANT_PAYOUT, party, shop, "RUB")
