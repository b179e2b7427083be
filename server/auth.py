"""Tokens: who asks. A token is checked before anything is looked up."""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx
import jwt
import structlog
from pydantic import BaseModel, Field, ValidationError

from models.kernel.viewer import Role, Viewer
from settings import settings

log = structlog.get_logger("auth")

ASYMMETRIC = ("RS256", "ES256")
JWKS_PAUSE_SECONDS = 10
NOBODY = Viewer("nobody", frozenset())
BEARABLE = {role.value: role for role in Role if role is not Role.SYSTEM}
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.@|-]+$")]


class Unauthenticated(Exception):
    """No token, or one that does not hold. What was wrong with it is not told."""


class Claims(BaseModel):
    """What a token says; anything else in it is not looked at."""

    sub: Name
    roles: list[str] = Field(min_length=1, max_length=10)
    person: Annotated[int, Field(strict=True, gt=0, lt=2**53)] | None = None
    party: Name | None = None
    shops: list[Name] = Field(default=[], max_length=1_000)
    exp: int


class Remembered:
    """Viewers of tokens that were checked a moment ago, by the hash of the token; the oldest go first.

    None is remembered beyond its own end, nor longer than keys are kept: a withdrawn key ends its tokens.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[float, Viewer]] = OrderedDict()

    def get(self, token: str) -> Viewer | None:
        checked_at, viewer = self._known.get(_hash(token), (-math.inf, NOBODY))
        fresh = time.monotonic() - checked_at < settings().jwks_cache_seconds
        return viewer if fresh and viewer.expires_at > datetime.now(UTC) else None

    def keep(self, token: str, viewer: Viewer) -> None:
        self._known[_hash(token)] = (time.monotonic(), viewer)
        self._known.move_to_end(_hash(token))
        if len(self._known) > settings().token_cache_max:
            self._known.popitem(last=False)


class Keys:
    """The signing keys of the token issuer, fetched from its JWKS and kept for a while.

    While the issuer is out of reach the keys we have hold on for ten times as long; then nobody gets in.
    """

    def __init__(self) -> None:
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = self._fetched_at = -math.inf
        self._lock = asyncio.Lock()
        self.remembered = Remembered()

    async def get(self, kid: str) -> jwt.PyJWK:
        """The key of this id. Keys that are old, or lack the id, are asked for again, at most once in ten seconds."""
        async with self._lock:
            now, kept = time.monotonic(), settings().jwks_cache_seconds
            if (now - self._fetched_at > kept or kid not in self._keys) and now - self._asked_at > JWKS_PAUSE_SECONDS:
                self._asked_at = now
                await self._fetch(now)
            if now - self._fetched_at > 10 * kept:
                self._keys = {}
        if kid not in self._keys:
            raise Unauthenticated
        return self._keys[kid]

    async def _fetch(self, now: float) -> None:
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                answer = (await client.get(settings().jwks_url)).raise_for_status()
            listed = [jwt.PyJWK(key) for key in answer.json()["keys"]]
        except Exception as error:  # noqa: BLE001  an issuer that is ill may answer anything
            log.warning("issuer_keys_not_fetched", error=repr(error))
            return
        known = set(self._keys)
        self._keys = {key.key_id: key for key in listed if key.key_id and key.algorithm_name in ASYMMETRIC}
        self._fetched_at = now
        if known - set(self._keys):
            self.remembered = Remembered()


_keys = Keys()


def _hash(token: str) -> bytes:
    """With the keys as they are set: other settings, other tokens."""
    return hashlib.sha256(f"{settings().signing_secret}\n{settings().jwks_url}\n{token}".encode()).digest()


async def viewer_of(authorization: str | None) -> Viewer:
    """Who the bearer of "Bearer <token>" is. Raises Unauthenticated."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > 8_192:
        raise Unauthenticated
    if known := _keys.remembered.get(token):
        return known
    viewer = await _checked(token)
    _keys.remembered.keep(token, viewer)
    return viewer


async def _checked(token: str) -> Viewer:
    try:
        claims = Claims.model_validate(await _decoded(token.strip()))
        expires = datetime.fromtimestamp(claims.exp, UTC)
    except (jwt.PyJWTError, ValidationError, httpx.HTTPError, ValueError, OverflowError, OSError) as error:
        raise Unauthenticated from error
    roles = frozenset(BEARABLE[role] for role in claims.roles if role in BEARABLE)
    if not roles:
        raise Unauthenticated
    return Viewer(claims.sub, roles, claims.person, claims.party, frozenset(claims.shops), expires)


async def _decoded(token: str) -> dict[str, Any]:
    """The claims, if the signature, the times, the issuer and the audience hold."""
    header = jwt.get_unverified_header(token)
    algorithm = header.get("alg")
    key: Any
    if algorithm == "HS256" and settings().signing_secret:
        key = settings().signing_secret
    elif algorithm in ASYMMETRIC and settings().jwks_url:
        key = await _keys.get(str(header.get("kid")))
    else:
        raise Unauthenticated
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[str(algorithm)],
        audience=settings().token_audience,
        issuer=settings().token_issuer,
        leeway=settings().token_leeway_seconds,
        options={"require": ["exp", "sub"]},
    )
    return claims


def development_token(role: Role, *, subject: str, hours: int = 24, **claims: Any) -> str:
    """A token for trying things out, signed with the development secret."""
    expires = datetime.now(UTC) + timedelta(hours=hours)
    content = {
        "sub": subject,
        "roles": [role.value],
        "iss": settings().token_issuer,
        "aud": settings().token_audience,
        "exp": expires,
        **{name: value for name, value in claims.items() if value},
    }
    return jwt.encode(content, settings().signing_secret, algorithm="HS256")
