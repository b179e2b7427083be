"""The page on disputes is true: what a merchant's server does with a signature, and the numbers that are said there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateways.receivers import secret_of
from gateways.signing import signed
from models.disputes.lifecycle import PUBLIC, DisputeStatus
from settings import Settings

PAGE = Path("docs/disputes.md").read_text()
BODY = b'{"disputeId": "d-1", "status": "failed"}'
SAID = re.compile(r"`SALDO_([A-Z_]+)`(?: \((\w+)\)|`? \| `?(\w+)`? \|)")


@pytest.fixture(scope="module")
def ours() -> Callable[[str, str, bytes], bool]:
    """The code of the page."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    there: dict[str, Any] = {}
    exec(code, there)
    found: Callable[[str, str, bytes], bool] = there["ours"]
    return found


def test_a_merchants_server_knows_our_messages(ours):
    secret, now = secret_of("demo-oak"), int(time.time())
    assert ours(secret, signed(secret, now, BODY), BODY)
    assert not ours(secret_of("demo-river"), signed(secret, now, BODY), BODY)
    assert not ours(secret, signed(secret, now, BODY), BODY.replace(b"failed", b"succeeded"))
    assert not ours(secret, signed(secret, now - 301, BODY), BODY)


@pytest.mark.parametrize("header", ["", "nonsense", "t=,v1=", "t=²,v1=00", "v1=00", "t=0"])
def test_what_is_no_signature_is_none(ours, header):
    assert not ours(secret_of("demo-oak"), header, BODY)


def test_each_status_is_shown_with_what_a_merchant_sees():
    shown = dict(re.findall(r"^\| `([A-Z_]+)` \| .* \| `([A-Z]+)` \|$", PAGE, re.MULTILINE))
    assert shown == {status.name: PUBLIC[status].name for status in DisputeStatus}


def test_the_defaults_of_the_page_are_those_of_the_settings():
    said = [(name.lower(), first or second) for name, first, second in SAID.findall(PAGE)]
    assert len(said) >= 10
    for name, value in said:
        assert str(getattr(Settings(), name)).lower() == value, name
