"""What people refuse beside the shared refusals."""

from models.kernel.refusals import NotFound

PERSON_NOT_FOUND = NotFound.finer("PERSON_NOT_FOUND", "There is no such person, or none that the asker may see.")
