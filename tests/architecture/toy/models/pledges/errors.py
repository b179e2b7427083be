"""What pledges refuse beside the shared refusals."""

from models.kernel.refusals import NotFound

PLEDGE_NOT_FOUND = NotFound.finer("PLEDGE_NOT_FOUND", "There is no such pledge, or none that the asker may see.")
