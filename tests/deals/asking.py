"""How deals are asked for in tests."""

from __future__ import annotations

REFUSED = "... on Refusal { code } ... on InsufficientFunds { required { amount } }"
DEAL = """... on Deal { id number status version price { amount currency } fee { amount } hasOpenDispute overdue
  customer { number name } performer { number name } waitingFor { shortfall { amount } }
  dispute { status resolution performerAmount { amount } title comment openedBy { number } } }"""
CREATE = f"mutation ($input: CreateDealInput!) {{ createDeal(input: $input) {{ {DEAL} ... on Refusal {{ code }} }} }}"
READ = f"query ($n: Int!) {{ deal(ref: {{number: $n}}) {{ {DEAL.removeprefix('... on Deal {').removesuffix('}')} }} }}"


def verb(name: str, more: str = "", given: str = "") -> str:
    """A mutation of one deal: `verb("confirm")`."""
    return f"""mutation ($n: Int!{more}) {{ {name}(input: {{deal: {{number: $n}}{given}}}) {{
      {DEAL} ... on Refusal {{ code }} ... on IllegalMove {{ currentStatus allowed }} }} }}"""


CONFIRM, DENY, CANCEL, CLOSE = (verb(name) for name in ("confirmDeal", "denyDeal", "cancelDeal", "closeDeal"))
DISPUTE = verb("openDealDispute", given=', title: "Not done", description: "Nothing came"')
DECIDE = verb(
    "closeDealDispute",
    ", $for: DealDisputeResolution!, $part: Decimal, $comment: String",
    ", inFavourOf: $for, performerAmount: $part, comment: $comment",
)
