"""Files that are kept in a folder of ours, for whoever was given the address of one; a bucket serves its own."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from gateways.receipts import Unsure
from gateways.storage import FolderStorage

HEADERS = {
    "content-disposition": "attachment",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "private, no-store",
}
"""What a stranger sent is never shown as if it were a page of ours, nor kept on the way."""


async def attachment(http: Request) -> Response:
    """The file of an address. 404 for one that is made up, or too old, or whose file is gone; 503 where it cannot be read."""
    storage = http.app.state.outside.storage
    try:
        found = await storage.open(http.path_params["token"]) if isinstance(storage, FolderStorage) else None
    except Unsure:
        return PlainTextResponse("Ask again in a moment.", status_code=503, headers=HEADERS)
    if found is None:
        return PlainTextResponse("There is no such file.", status_code=404, headers=HEADERS)
    headers = {**HEADERS, "content-length": str(found.size)}
    return StreamingResponse(found.parts, headers=headers, media_type=found.mime_type)
