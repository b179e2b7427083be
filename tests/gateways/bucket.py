"""A bucket on a server of its own: as much of S3 as we use, and every call that was made."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs, unquote, urlsplit

from tests.gateways.served import Seen, Server, raw

NAME = "files"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "a-key",
    "AWS_SECRET_ACCESS_KEY": "hush-hush",
    "AWS_REGION": "eu-central-1",
}
PAGE = 3


class Bucket:
    """Its content by key, as it was sent. `put_at` says when each was last changed."""

    def __init__(self) -> None:
        self.kept: dict[str, Seen] = {}
        self.put_at: dict[str, datetime] = {}

    def answer(self, seen: Seen) -> bytes:
        folder, _, key = unquote(seen.path).removeprefix("/base/").partition("/")
        assert folder == NAME, seen.target
        asked = parse_qs(urlsplit(seen.target).query, keep_blank_values=True)
        if "list-type" in asked:
            return self._listed(asked)
        if "delete" in asked:
            return self._removed(seen.body.decode())
        if seen.method == "PUT":
            return self._put(key, seen)
        return self._got(key, head=seen.method == "HEAD") if key in self.kept else raw(404, b"")

    def _removed(self, told: str) -> bytes:
        """What is not there is told as if it had been."""
        keys = re.findall("<Key>(.*?)</Key>", told)
        for key in keys:
            self.kept.pop(key, None)
        done = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        return raw(200, f"<DeleteResult>{done}</DeleteResult>".encode())

    def _put(self, key: str, seen: Seen) -> bytes:
        assert seen.headers["if-none-match"] == "*"
        if key in self.kept:
            return raw(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        self.kept[key], self.put_at[key] = seen, datetime.now(UTC)
        return raw(200, b"", 'ETag: "1"')

    def _got(self, key: str, *, head: bool) -> bytes:
        body = self.kept[key].body
        moment = format_datetime(self.put_at[key], usegmt=True)
        answer = raw(200, body, 'ETag: "1"', f"Last-Modified: {moment}")
        return answer.removesuffix(body) if head else answer

    def _listed(self, asked: dict[str, list[str]]) -> bytes:
        """In order, a few to a page."""
        prefix = asked.get("prefix", [""])[0]
        behind = max(asked.get("start-after", [""])[0], asked.get("continuation-token", [""])[0])
        keys = sorted(key for key in self.kept if key.startswith(prefix) and key > behind)
        page = "".join(
            f"<Contents><Key>{key}</Key><LastModified>{self.put_at[key]:%Y-%m-%dT%H:%M:%S.%fZ}</LastModified>"
            f"<Size>{len(self.kept[key].body)}</Size><ETag>&quot;1&quot;</ETag></Contents>"
            for key in keys[:PAGE]
        )
        more = f"<NextContinuationToken>{keys[PAGE - 1]}</NextContinuationToken>" if len(keys) > PAGE else ""
        return raw(200, f"<ListBucketResult>{page}{more}</ListBucketResult>".encode(), "Content-Type: application/xml")


def environment(server: Server) -> dict[str, str]:
    return {**CREDENTIALS, "AWS_ENDPOINT_URL": server.url, "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false"}


def clean_environment() -> list[str]:
    return [name for name in os.environ if name.startswith("AWS_")]
