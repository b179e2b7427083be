"""What the pages show is true: every GraphQL document of theirs is valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from server.graphql.schema import schema

DOCUMENTS = [
    (path.name, text)
    for path in sorted(Path("docs").rglob("*.md"))
    for text in re.findall(r"```graphql\n(.*?)```", path.read_text(), re.DOTALL)
    if "…" not in text
]


@pytest.mark.parametrize(("page", "text"), DOCUMENTS, ids=lambda value: value[:30])
def test_a_document_of_a_page_is_valid(page, text):
    assert validate(schema()._schema, parse(text)) == []


def test_the_page_on_subscriptions_has_some():
    assert [page for page, _ in DOCUMENTS].count("subscriptions.md") == 2
