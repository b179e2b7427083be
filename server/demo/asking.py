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
