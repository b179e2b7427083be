"""Every command of docs/sandbox.md does what it says, or at least does not fail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.billing.system import Billing
from sandbox.providers.system import Quickpay
from sandbox.receiver.system import Receiver
from sandbox.scripts import Malformed, Outcome
from sandbox.support.system import Support
from sandbox.transfers import system as transfers
from sandbox.tron.system import Tron
from sandbox.tron.tokens import FAKE_CONTRACT, WHALE
from sandbox.wallets import system as wallets
from settings.outside import DEVELOPMENT_TRON
from tests.sandbox.disputing import opened, put
from tests.sandbox.paying import DEPOSIT, ORDER, sent
from tests.sandbox.playing import somebody

PAGE = Path("docs/sandbox.md").read_text()
COMMANDS = re.findall(r"^curl \"?\$S/([^\s\"]+)\"?(?: -d '(.+?)')?(?: +#.*)?$", PAGE, re.MULTILINE)
_, ADDRESS = somebody()


def test_every_command_was_found():
    assert len(COMMANDS) == PAGE.count("\ncurl ") == 41


@pytest.mark.parametrize(("path", "given"), COMMANDS, ids=lambda part: part[:40])
async def test_a_command_works(box, knobs, path, given):
    knobs(port=1)  # nobody hears the bank
    tx = await box.deposit(ADDRESS)
    await box.tell("tron/mine")
    for id in ("B-1", "B-2"):
        made = {"id": id, "reference": "R", "amount": "1", "currency": "EUR", "url": "http://127.0.0.1:1", "retries": 0}
        await box.tell("bank/transfer", **made, deliver=False)
    for kind in (DEPOSIT, ORDER):
        await box.tell(kind.list, hold=True)
        await sent(box, kind, "payout_1")
    await put(box)
    await opened(box, "quickpay", "d-1")

    def filled(text):
        return text.replace("T…", ADDRESS).replace("<txId>", tx).replace("<block>", "0")

    path = filled(path)
    if given:
        answer = await box.client.post(f"/{path}", content=filled(given))
    else:
        answer = await box.client.get(f"/{path}")
    assert answer.status_code == 200, answer.text


def test_it_names_every_operation_outcome_and_address():
    asked = (*Tron.operations, *wallets.Wallets.operations, *transfers.Transfers.operations)
    magic = (*wallets.MAGIC, *wallets.SOURCES, *transfers.MAGIC, *transfers.CURRENCIES, *transfers.NEEDED)
    known = (FAKE_CONTRACT, WHALE, DEVELOPMENT_TRON["tron_contract"])
    asked += tuple(name for kind in (Billing, Quickpay, Support, Receiver) for name in (kind.name, *kind.operations))
    magic += tuple(re.findall(r'"(\w+)" (?:not )?in trx', Path("sandbox/providers/system.py").read_text()))
    for name in (*asked, *Outcome, *Malformed, *magic, *known):
        assert f"`{name}`" in PAGE, name
