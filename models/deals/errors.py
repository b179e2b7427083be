"""What deals refuse beside the shared refusals."""

from models.kernel.refusals import IllegalMove, InvalidInput, NotFound, Refusal

DEAL_NOT_FOUND = NotFound.finer("DEAL_NOT_FOUND", "There is no such deal, or none that the asker may see.")
CUSTOMER_USER_NOT_FOUND = NotFound.finer("CUSTOMER_USER_NOT_FOUND", "The customer of the deal is nobody.")
PERFORMER_USER_NOT_FOUND = NotFound.finer("PERFORMER_USER_NOT_FOUND", "The performer of the deal is nobody.")
DEAL_DISPUTE_DOES_NOT_EXIST = NotFound.finer("DEAL_DISPUTE_DOES_NOT_EXIST", "Nobody has disputed this deal.")
DEAL_DISPUTE_CREATE_NOT_ALLOWED = IllegalMove.finer(
    "DEAL_DISPUTE_CREATE_NOT_ALLOWED", "Only a deal that was confirmed and has not ended can be disputed."
)
CUSTOMER_IS_PERFORMER = InvalidInput.finer("CUSTOMER_IS_PERFORMER", "Nobody makes a deal with himself.")


class DealHasOpenDispute(Refusal):
    """The deal is disputed: an operator decides how it ends."""

    code = "DEAL_HAS_OPEN_DISPUTE"

    def __init__(self) -> None:
        super().__init__("This deal is disputed; the dispute has to be closed first.")


class DealDisputeAlreadyCreated(Refusal):
    """A deal is disputed once, for ever."""

    code = "DEAL_DISPUTE_ALREADY_CREATED"

    def __init__(self) -> None:
        super().__init__("This deal has been disputed already.")


class DealDisputeAlreadyClosed(Refusal):
    """The dispute was decided, in another way."""

    code = "DEAL_DISPUTE_ALREADY_CLOSED"

    def __init__(self) -> None:
        super().__init__("This dispute was decided already, in another way.")
