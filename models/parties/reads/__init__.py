"""Parties and what belongs to them, read: the records, what viewers list, and a shop with all that its payouts rest on."""

from models.parties.reads.checkout import CheckedOut, Revision, checkout, checkout_at, terms_of
from models.parties.reads.listing import (
    contracts,
    contracts_of,
    institutions,
    institutions_listed,
    parties,
    parties_listed,
    parties_of,
    party,
    shop,
    shops,
    shops_of,
    term_sets,
    term_sets_listed,
    tools,
    tools_of,
)
from models.parties.reads.records import (
    AdjustmentRecord,
    ContractRecord,
    InstitutionRecord,
    PartyRecord,
    ShopRecord,
    TermSetRecord,
    ToolRecord,
)

__all__ = [
    "AdjustmentRecord", "CheckedOut", "ContractRecord", "InstitutionRecord", "PartyRecord", "Revision", "ShopRecord",
    "TermSetRecord", "ToolRecord", "checkout", "checkout_at", "contracts", "contracts_of", "institutions",
    "institutions_listed", "parties", "parties_listed", "parties_of", "party", "shop", "shops", "shops_of",
    "term_sets", "term_sets_listed", "terms_of", "tools", "tools_of",
]  # fmt: skip
