"""What other systems push to us: checked, kept, and only then answered. A worker does the rest."""

from __future__ import annotations

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from gateways.receipts import Forged
from gateways.webhooks import Message, Unreadable
from gateways.wiring import WEBHOOKS
from jobs.queues import NOT_NOW
from models.inbox import operations as inbox
from models.inbox.operations.letters import WEBHOOK
from models.inbox.topics import webhook as who
from models.kernel.clock import now
from models.kernel.metrics import WEBHOOKS_RECEIVED
from models.kernel.refusals import Refusal
from models.wiring import TOPICS
from server.bodies import TooLarge, body_of
from settings import settings

log = structlog.get_logger("webhooks")


async def webhook(http: Request) -> Response:
    """One message of one system. 401 for what it did not sign, and nothing is kept; 2xx once it is kept, whatever it says;
    503 where it could not be: the system will send it again."""
    system = http.path_params["system"]
    if system not in WEBHOOKS:
        return _answer(system, "unknown", 404)
    try:
        body = await body_of(http, settings().body_max_bytes)
        message = WEBHOOKS[system](http.headers, body, now())
        outcome = await _kept(system, message)
    except TooLarge:
        return _answer(system, "too_large", 413)
    except ClientDisconnect:
        return _answer(system, "gone", 400)  # nobody reads it
    except Forged as forged:
        log.warning("webhook_forged", system=system, reason=forged.reason)
        return _answer(system, "forged", 401)
    except Unreadable as odd:
        outcome = await _buried(system, odd.event_id, body.decode("utf-8", "replace"), odd.reason)
    return _answer(system, outcome, 503 if outcome == "busy" else 200)


async def _kept(system: str, message: Message) -> str:
    """Its inbox row. What the house refuses of a system that signed it becomes a dead letter: nothing is lost."""
    topic = next((name for name, topic in TOPICS.items() if topic.webhook == system), "")
    try:
        await inbox.ingest(topic, message.event_id, message.payload, TOPICS, by=who(system))
    except NOT_NOW:
        return "busy"
    except Refusal as no:
        text = {"topic": topic, "eventId": message.event_id, "payload": message.payload}
        return await _buried(system, message.event_id, text, f"{no.code}: {no}")
    return "kept"


async def _buried(system: str, event_id: str, text: object, reason: str) -> str:
    whole = text if isinstance(text, str) else orjson.dumps(text).decode()
    try:
        await inbox.bury(f"{WEBHOOK}:{system}", event_id, whole, reason, by=who(system))
    except NOT_NOW:
        return "busy"
    return "buried"


def _answer(system: str, outcome: str, status: int) -> Response:
    WEBHOOKS_RECEIVED.labels(system if system in WEBHOOKS else "?", outcome).inc()
    return JSONResponse({"outcome": outcome}, status_code=status)
