"""What can be done with parties, one file for each life: parties and their standing, shops, contracts and tools, the domain.

Whoever works on them locks the party, then a contract, then its shops by id, then a tool.
"""

from models.parties.operations.contracts import Adjusted, Agreed, upsert_contract, upsert_payout_tool
from models.parties.operations.domain import upsert_institution, upsert_term_set
from models.parties.operations.shops import Opened, ShopCredited, adjust_shop, credited, upsert_shop
from models.parties.operations.standing import block_party, block_shop, unblock_party, unblock_shop, upsert_party

__all__ = [
    "Adjusted", "Agreed", "Opened", "ShopCredited", "adjust_shop", "block_party", "block_shop", "credited", "unblock_party",
    "unblock_shop", "upsert_contract", "upsert_institution", "upsert_party", "upsert_payout_tool", "upsert_shop", "upsert_term_set",
]  # fmt: skip
