"""Addresses at which the API itself serves a file: a key and the end of its time, sealed, so that whoever has the address
has the file for a while, and nobody can make one up."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

FOLDER = "attachments"
_END_BYTES = 8
_TOKEN_MAX = 2_000


class Addresses:
    """Those under `public_url`. Every process with the same secret makes and reads the same ones."""

    def __init__(self, public_url: str, secret: str) -> None:
        self._folder = f"{public_url.rstrip('/')}/{FOLDER}"
        self._cipher = AESSIV(hmac.digest(secret.encode(), b"saldo attachment", hashlib.sha256))

    def of(self, key: str, seconds: int) -> str:
        """Of the file with this key, for so long from now."""
        sealed = self._cipher.encrypt((int(time.time()) + seconds).to_bytes(_END_BYTES) + key.encode(), None)
        return f"{self._folder}/{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"

    def key(self, token: str) -> str | None:
        """The key in the last part of an address. None: its time is over, or we never made it."""
        if len(token) > _TOKEN_MAX or "=" in token:  # ours are written without padding
            return None
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            opened = self._cipher.decrypt(sealed, None)
        except (ValueError, InvalidTag, binascii.Error):
            return None
        alive = int.from_bytes(opened[:_END_BYTES]) > time.time()
        return opened[_END_BYTES:].decode() if alive else None
