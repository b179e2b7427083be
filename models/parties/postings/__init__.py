"""What a payout moves: terms in, postings out; and what comes onto a shop's settlement. Pure: no clock, no database.

An operator writes terms as a JSON document (`read_terms`, and `written_terms` back). A contract's terms at a moment come out of
its hierarchy and its adjustments (`merged`); `payout_terms` says whether they know payouts at all. For one payout their selectors
are reduced by its `Variables` and the named criteria, and the fees become postings between the accounts of its shop and of the
house (`computed`); `classified` makes of these what is paid and what it costs, `spent` what leaves the shop's settlement.
Terms that say nothing definite, or what cannot be, are a ConfigurationError with the path of the place. [spec/payouts §6]
"""

from models.parties.postings.accounts import SHOP_LINES, SYSTEM_LINES, AccountType, shop_account, system_account
from models.parties.postings.cashflow import (
    FinalPosting,
    PostingClass,
    Split,
    classified,
    computed,
    finalised,
    limit,
    methods,
    payout_terms,
    spent,
)
from models.parties.postings.earning import CLEARING, adjusted, credited, worked
from models.parties.postings.predicates import Predicate, Variables
from models.parties.postings.ranges import Bound, CashRange
from models.parties.postings.reading import read_predicate, read_terms, read_timed
from models.parties.postings.terms import Adjustment, Chain, PayoutTerms, Posting, Terms, TimedTerms, merged
from models.parties.postings.writing import written_predicate, written_terms, written_timed

LINES = (*SHOP_LINES.values(), *SYSTEM_LINES.values(), CLEARING)

__all__ = [
    "LINES",
    "SHOP_LINES",
    "SYSTEM_LINES",
    "AccountType",
    "Adjustment",
    "Bound",
    "CashRange",
    "Chain",
    "FinalPosting",
    "PayoutTerms",
    "Posting",
    "PostingClass",
    "Predicate",
    "Split",
    "Terms",
    "TimedTerms",
    "Variables",
    "adjusted",
    "classified",
    "computed",
    "credited",
    "finalised",
    "limit",
    "merged",
    "methods",
    "payout_terms",
    "read_predicate",
    "read_terms",
    "read_timed",
    "shop_account",
    "spent",
    "system_account",
    "worked",
    "written_predicate",
    "written_terms",
    "written_timed",
]
