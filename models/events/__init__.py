"""What was asked (requests) and what happened (events): both are written in the transaction of the change itself."""
