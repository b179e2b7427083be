"""Deals: escrow between a customer and a performer.

A customer offers a deal. The performer agrees: the price leaves the customer's balance and waits in the deal's own
escrow, or, where the balance is too low, the deal waits for the customer's money and a worker promotes it. The customer
closes it and the performer is paid; or one of them disputes it and an operator decides, for either side or by a split.

    CREATED -> CONFIRM_PERFORMER -> CLOSE | ARB_CLOSE_PERFORMER | ARB_CLOSE_CUSTOMER | ARB_CLOSE_SPLIT
    CREATED -> WAITING_FOR_PAYMENT -> CONFIRM_PERFORMER
    CREATED -> DENY_PERFORMER          CREATED, WAITING_FOR_PAYMENT -> CANCELLED

The escrow holds the price while a deal is in CONFIRM_PERFORMER and nothing in any other status.
"""
