"""`saldo demo`, as a shell runs it, against an API, a worker and a sandbox that run as processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from server.demo.stories import STORIES

pytestmark = pytest.mark.alone


def demo(*words: str, **env: str) -> tuple[int, str]:
    """Exit code and everything said."""
    argv = [sys.executable, "-W", "error", "-m", "server.cli", "demo", *words]
    done = subprocess.run(
        argv,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
        check=False,
    )
    return done.returncode, done.stdout


def named(said: str, who: str, noun: str) -> list[str]:
    """The events of a noun that somebody was told, by name."""
    told = (line.split() for line in said.splitlines())
    return [words[5 if words[3] == "of" else 4] for words in told if words[1:3] == [who, noun]]


def test_every_story_is_played_again_and_again(house):
    for _ in range(2):
        code, said = demo(**house.env)
        assert code == 0, said
        assert said.count("steps came as the story says") == len(STORIES)
        assert "are clean" in said
    house.run("audit")


def test_a_deal_is_seen_by_its_customer_and_by_the_dashboard(house):
    _, said = demo("--story", "deal", **house.env)
    for who in ("Anna", "dashboard"):
        assert named(said, who, "Deal") == ["open", "wait", "promote", "open_dispute", "close_by_split"]
        assert [name for name in named(said, who, "Payment") if name != "see_deposit"] == [
            "open", "credit_deposit", "settle",
        ]  # fmt: skip
        assert named(said, who, "Balance")[:3] == ["change"] * 3
    assert named(said, "dashboard", "Wallet") == ["open", "receive", "sweep", "transfer"]
    assert "received 60.000000 USDT" in said
    assert "WAITING_FOR_PAYMENT: 60.000000 USDT are missing" in said
    assert [line.split()[1:] for line in said.splitlines() if line.split()[:1] in (["Anna"], ["Boris"])][-2:] == [
        ["30.000000", "0.000000", "USDT"], ["70.000000", "0.000000", "USDT"],
    ]  # fmt: skip


def test_without_a_worker_it_says_so_in_time(house):
    assert house.stop("worker") == 0
    try:
        code, said = demo("--wait-seconds", "2", **house.env)
    finally:
        house.start("worker")
    assert (code, "Anna was not told of `open` within 2 s" in said, "does one run?" in said) == (1, True, True)


def test_what_the_bank_tells_twice_is_credited_once(house):
    _, said = demo("--story", "bank", **house.env)
    assert named(said, "Clara", "Payment") == ["open", "credit_deposit", "settle"]
    assert named(said, "Clara", "Balance") == ["change"]


def test_a_dispute_is_seen_whole_by_the_dashboard_and_its_public_side_by_its_merchant(house):
    code, said = demo("--story", "dispute", **house.env)
    assert code == 0, said
    assert named(said, "Oak", "Dispute") == ["open", "succeed"]
    (about,) = {line.split()[3] for line in said.splitlines() if line.split()[1:3] == ["Oak", "Dispute"]}
    lines = "\n".join(line for line in said.splitlines() if about in line)
    assert named(lines, "dashboard", "Dispute") == [
        "open", "want_notification", "accept", "confirm", "send_adjustment", "succeed", "notify",
    ]  # fmt: skip
    (job,) = {line.split()[3] for line in said.splitlines() if line.split()[2:5:2] == ["Adjustment", "finish"]}
    lines = "\n".join(line for line in said.splitlines() if job in line)
    assert named(lines, "dashboard", "Adjustment") == ["open", "send", "send", "finish"]
    assert "cash flow 80.00 RUB" in said
    assert '"changedAmount":8000' in said


PRODUCTION = {"SALDO_ENV": "production", "SALDO_TOKEN_SECRET": "x" * 32, "SALDO_WEBHOOKS_ANYWHERE": "false"}


def test_without_a_sandbox_it_says_so_at_once(house):
    assert house.stop("sandbox") == 0
    try:
        code, said = demo(**house.env)
    finally:
        house.start("sandbox")
    assert code == 1
    assert f"No sandbox answers at {house.url('sandbox')}" in said
    assert "offers" not in said


def test_without_an_api_it_says_so_at_once(house):
    code, said = demo(**{**house.env, "SALDO_PORT": "1"})
    assert (code, said) == (
        1, "No API answers at http://127.0.0.1:1: start everything with `make up`, or name its SALDO_PORT.\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "env", "code", "told"),
    [
        ((), {"SALDO_TOKEN_SECRET": "x" * 32}, 1, "give the demo the SALDO_TOKEN_SECRET of the API"),
        (("--story", "fairy tale"), {}, 2, "There is no story fairy tale; there is deal, bank"),
        ((), PRODUCTION, 2, "played in development only"),
    ],
)
def test_what_else_hinders_it_is_told(house, words, env, code, told):
    answered, said = demo(*words, **{**house.env, **env})
    assert (answered, told in said) == (code, True), said
