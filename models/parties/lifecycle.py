"""What kinds of payout tool there are. [spec/payouts §2.4]"""

from enum import StrEnum


class ToolKind(StrEnum):
    """Where a payout goes; terms speak of it as the payout method."""

    RUSSIAN_BANK_ACCOUNT = "russian_bank_account"
    INTERNATIONAL_BANK_ACCOUNT = "international_bank_account"
    WALLET = "wallet"
    PAYMENT_INSTITUTION = "payment_institution"
