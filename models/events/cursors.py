"""Cursors of the event log: a position, sealed, so that it says nothing and cannot be made up."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from models.kernel.refusals import CursorExpired
from models.kernel.sql import fetch, sql

LENGTH = 32


class Seal:
    """Seals positions of one epoch of the log. The cursor of a position is always the same text."""

    def __init__(self, epoch: str, secret: bytes) -> None:
        self.epoch = epoch
        self._cipher = AESSIV(hmac.digest(secret, f"saldo cursor {epoch}".encode(), hashlib.sha256))
        self.cursor = lru_cache(maxsize=4_096)(self._cursor)

    def _cursor(self, position: int) -> str:
        return base64.urlsafe_b64encode(self._cipher.encrypt(position.to_bytes(8), None)).decode()

    def position(self, cursor: str) -> int:
        """Raises CursorExpired for what this log, since it was last restored, has not sealed."""
        try:
            if len(cursor) != LENGTH:
                raise ValueError
            return int.from_bytes(self._cipher.decrypt(base64.b64decode(cursor, altchars=b"-_", validate=True), None))
        except (ValueError, InvalidTag, binascii.Error):
            raise CursorExpired from None


async def read_seal() -> Seal:
    """The seal as it is now: it changes when the log is restored."""
    (row,) = await fetch(sql("SELECT event_epoch() AS epoch, seal FROM event_log"))
    return Seal(row["epoch"], row["seal"])
