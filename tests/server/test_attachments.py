"""Files that are kept in our folder: whoever has the address has the file, for a while, and nothing else."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import pytest

from gateways.storage import storage
from gateways.wiring import ApiGateways
from server.doctor_storage import files
from tests.gateways.bucket import Bucket, environment
from tests.gateways.served import raw, serving
from tests.kernel.test_files import HTML, PDF, PNG

SAFE = {
    "content-disposition": "attachment",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, no-store",
}
GONE = (404, "There is no such file.")


@pytest.fixture
def kept(served):
    return served.app.state.outside.storage


async def path_of(kept, key, seconds=60):
    return urlsplit(await kept.link(key, seconds)).path


def told(answer):
    assert {name: answer.headers[name] for name in SAFE} == SAFE
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (PDF, "application/pdf"),
        (PNG + bytes(5 * 1024 * 1024), "image/png"),
        (HTML, "text/html; charset=utf-8"),
        (b"just words", "application/octet-stream"),
    ],
)
async def test_an_address_gives_the_file_to_whoever_has_it(kept, client, data, kind):
    await kept.put("d/k", data, "image/png")
    answer = await client.get(await path_of(kept, "d/k"))
    assert (answer.status_code, answer.headers["content-type"], answer.content == data) == (200, kind, True)
    assert answer.headers["content-length"] == str(len(data))
    told(answer)
    head = await client.head(await path_of(kept, "d/k"))
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(data)))


async def test_what_is_made_up_too_old_or_gone_looks_the_same(kept, client, monkeypatch):
    await kept.put("d/k", PNG, "image/png")
    path = await path_of(kept, "d/k")
    for wrong in (path[:-2], path + "AA", "/attachments/x", await path_of(kept, "never")):
        assert told(await client.get(wrong)) == GONE
    later = time.time() + 61
    monkeypatch.setattr("gateways.addresses.time.time", lambda: later)
    assert told(await client.get(path)) == GONE
    monkeypatch.undo()
    await kept.remove(["d/k"])
    assert told(await client.get(path)) == GONE


async def test_other_ways_lead_nowhere(kept, client):
    await kept.put("k", PNG, "image/png")
    path = await path_of(kept, "k")
    assert (await client.post(path)).status_code == 405
    assert (await client.get("/attachments/")).status_code == 404
    assert (await client.get("/attachments/../home/attachments/k")).status_code == 404
    assert (await client.get("/attachments/..%2Fk")).status_code == 404


async def test_a_folder_that_cannot_be_read_is_asked_again(kept, client, knobs, tmp_path):
    (tmp_path / "blocked").write_text("")
    knobs(home=tmp_path / "blocked")
    broken = storage()
    path = await path_of(broken, "k")
    kept._folder = broken._folder
    vars(kept).pop("_store", None)
    assert told(await client.get(path)) == (503, "Ask again in a moment.")


async def test_a_bucket_serves_its_own(served, client, knobs, monkeypatch):
    ours = await path_of(served.app.state.outside.storage, "k")
    for name, value in environment(type("Nowhere", (), {"url": "http://127.0.0.1:1"})).items():
        monkeypatch.setenv(name, value)
    knobs(storage_url="s3://files")
    for outside in (ApiGateways(storage=storage()), ApiGateways()):
        served.app.state.outside = outside
        assert told(await client.get(ours)) == GONE


# --- the doctor


async def test_the_doctor_writes_and_takes_away_again(tmp_path, knobs):
    knobs(home=tmp_path)
    assert (await files()).found == f"{tmp_path / 'attachments'}: can be written to"
    assert not list((tmp_path / "attachments").iterdir())
    (tmp_path / "blocked").write_text("")
    knobs(home=tmp_path / "blocked")
    found = await files()
    assert "NotADirectoryError" in found.found
    assert found.advice == "May this user write there?"


async def test_the_doctor_asks_a_bucket(knobs, monkeypatch):
    async with serving() as server:
        bucket = Bucket()
        server.answer = bucket.answer
        for name, value in environment(server).items():
            monkeypatch.setenv(name, value)
        knobs(storage_url="s3://files/evidence")
        assert (await files()).found == "s3://files/evidence: can be written to"
        assert not bucket.kept
        server.answer = lambda _: raw(403, b"")
        found = await files()
        assert (found.found, found.advice) == (
            "s3://files/evidence: no answer: storage gave no answer to put: PermissionDeniedError",
            "Are SALDO_STORAGE_URL and AWS_… right?",
        )
        knobs(storage_url="s3://")
        assert (await files()).advice == "A process does not start so: set it rightly."


async def test_the_doctor_knows_that_production_may_keep_none(knobs):
    knobs(env="production", token_secret="t" * 32, database_url="postgres://x", redis_url="redis://x")
    for name in ("wallets_token", "transfers_token", "bank_account", "tron_url"):
        knobs(**{name: ""})
    found = await files()
    assert (found.found[:6], found.advice) == ("none: ", "")
