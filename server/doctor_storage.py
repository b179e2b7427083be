"""What is wrong with the place where attachments are kept."""

from __future__ import annotations

from uuid import uuid4

from gateways.receipts import Unsure
from gateways.storage import ObjectStorage, storage
from server.diagnosis import Diagnosis
from settings import settings

WHAT = "storage"
_NEEDED = "SALDO_STORAGE_URL, or SALDO_ATTACHMENT_SECRET with SALDO_PUBLIC_URL"


async def files() -> Diagnosis:
    """By the settings of this process: it puts a file there and takes it away again."""
    try:
        found = storage()
    except ValueError as wrong:
        return Diagnosis(WHAT, str(wrong), "A process does not start so: set it rightly.")
    if found is None:
        return Diagnosis(WHAT, f"none: {_NEEDED} is not set, and nothing can be attached")
    where = settings().storage_url or str(settings().home / "attachments")
    if failed := await _tried(found):
        advice = "Are SALDO_STORAGE_URL and AWS_… right?" if settings().storage_url else "May this user write there?"
        return Diagnosis(WHAT, f"{where}: {failed}", advice)
    return Diagnosis(WHAT, f"{where}: can be written to")


async def _tried(found: ObjectStorage) -> str:
    """What went wrong; empty: nothing did."""
    key = f"saldo-doctor-{uuid4().hex}"
    try:
        await found.put(key, b"saldo doctor", "application/octet-stream")
        await found.remove([key])
    except Unsure as no:
        return f"no answer: {no}"
    return ""
