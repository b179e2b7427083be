"""How the demo asks: over HTTP with a token, as any front end does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from server.demo.story import Unplayable

ADVICE = {
    "UNAUTHENTICATED": "It does not take our tokens: give the demo the SALDO_TOKEN_SECRET of the API.",
    "BAD_USER_INPUT": "Is it of another version than this demo?",
}


class Api:
    """The API at one address. What is not answered in time counts as not answered."""

    def __init__(self, url: str, patience_seconds: float) -> None:
        self.url = url
        self._client = httpx.AsyncClient(base_url=url, timeout=patience_seconds, trust_env=False)

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def ask(self, token: str, query: str, variables: Mapping[str, Any] | None = None) -> Any:
        """The one root field of the answer, a refusal included. Raises Unplayable for no answer or an error."""
        try:
            answer = await self._client.post(
                "/graphql",
                json={"query": query, "variables": dict(variables or {})},
                headers={"authorization": f"Bearer {token}"},
            )
            said = answer.json()
        except httpx.ConnectError:
            raise Unplayable(
                f"No API answers at {self.url}: start everything with `make up`, or name its SALDO_PORT."
            ) from None
        except httpx.HTTPError as error:
            raise Unplayable(f"The API at {self.url} did not answer: {error or type(error).__name__}.") from None
        except ValueError:
            raise Unplayable(f"What answers at {self.url} is no Saldo API.") from None
        return _root(said)


def _root(said: Any) -> Any:
    match said:
        case {"errors": [{"message": message, "extensions": {"code": code}}, *_]}:
            raise Unplayable(f"The API answered {code}: {message} {ADVICE.get(code, '')}".strip())
        case {"data": dict(data)} if len(data) == 1:
            return next(iter(data.values()))
    raise Unplayable(f"The API answered what is no answer: {said}")


class Sandbox:
    """What plays the world outside: coins on a chain, transfers of a bank, payments of billing."""

    def __init__(self, url: str, patience_seconds: float) -> None:
        self.url = url
        self._client = httpx.AsyncClient(base_url=url, timeout=patience_seconds, trust_env=False)

    async def __aenter__(self) -> Sandbox:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def look(self) -> None:
        """Raises Unplayable where there is none."""
        await self._said("GET", "/healthz")

    async def tell(self, path: str, given: Mapping[str, Any]) -> Any:
        """Play something; what it answers. Raises Unplayable where it does not."""
        return await self._said("POST", f"/control/{path}", json=dict(given))

    async def ask(self, path: str, given: Mapping[str, Any]) -> Any:
        """What it has. Raises Unplayable where it does not say."""
        return await self._said("GET", f"/control/{path}", params=dict(given))

    async def _said(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = await self._client.request(method, path, **more)
            said = answer.json()
        except (httpx.HTTPError, ValueError):
            raise Unplayable(
                f"No sandbox answers at {self.url}, which would play the world outside: `make up` starts it, or "
                "`saldo sandbox`."
            ) from None
        if not answer.is_success:
            raise Unplayable(f"The sandbox would not play {path}: {said}")
        return said
