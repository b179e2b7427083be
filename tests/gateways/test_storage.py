"""Where files are kept: in a folder, and in a bucket on a real server; well, ill, late and gone."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from gateways.addresses import Addresses
from gateways.receipts import Unsure
from gateways.storage import BucketStorage, FolderStorage, storage
from gateways.wiring import api_gateways, check_api, worker_gateways
from settings import DEVELOPMENT_SECRET, Settings, settings
from settings.uploads import DEVELOPMENT_ATTACHMENT_SECRET
from tests.gateways.bucket import PAGE, Bucket, clean_environment, environment
from tests.gateways.served import raw
from tests.gateways.test_wiring import BARE
from tests.kernel.test_files import HTML, PNG

SECRET = "s" * 32


@pytest.fixture
def bucket(server):
    made = Bucket()
    server.answer = made.answer
    return made


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in clean_environment():
        monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path, knobs):
    knobs(home=tmp_path / "home")
    return storage()


@pytest.fixture(params=["folder", "bucket"])
def kept(request, folder, bucket, server, knobs, monkeypatch):
    """Either."""
    if request.param == "folder":
        return folder
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    knobs(storage_url="s3://files/evidence")
    return storage()


@pytest.fixture
def in_bucket(bucket, server, knobs, monkeypatch):
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    knobs(storage_url="s3://files/evidence")
    return storage()


async def keys(kept, seconds=-60, limit=100, after=None):
    return list(await kept.older(seconds, limit, after))


# --- what both do


async def test_what_is_put_is_there_until_it_is_removed(kept):
    await kept.put("d1/a", PNG, "image/png")
    await kept.put("d1/b", HTML, "text/html")
    assert await kept.present(["d1/a", "d1/b", "d1/c", "d1"]) == {"d1/a", "d1/b"}
    await kept.remove(["d1/a", "d1/c"])
    await kept.remove(["d1/a", "d1/c"])
    assert await kept.present(["d1/a", "d1/b"]) == {"d1/b"}
    assert await kept.present([]) == frozenset()


async def test_nothing_is_overwritten(kept):
    await kept.put("k", PNG, "image/png")
    await kept.put("k", PNG, "image/png")
    with pytest.raises(Unsure) as no:
        await kept.put("k", HTML, "text/html")
    assert (no.value.system, no.value.operation, no.value.reason) == ("storage", "put", "AlreadyExistsError")
    async with httpx.AsyncClient() as client:
        if isinstance(kept, BucketStorage):
            assert (await client.get(await kept.link("k", 60))).content == PNG
        else:
            assert [entry.read_bytes() for entry in kept._folder.iterdir()] == [PNG]


async def test_of_many_at_once_one_is_kept(kept):
    files = [bytes([number]) * 1_000 for number in range(8)]
    ended = await asyncio.gather(*(kept.put("k", data, "image/png") for data in files), return_exceptions=True)
    assert [type(one) for one in ended if one] == [Unsure] * 7


async def test_what_is_old_is_listed_in_order_by_pages(kept):
    names = [f"d{number}/f{letter}" for number in (2, 10, 1) for letter in "ab"] + ["a", "z"]
    names = [f"disputes/{name}" for name in names]
    await kept.put("somebody-else/backup", b"x", "image/png")
    for name in names:
        await kept.put(name, b"x", "image/png")
    assert await keys(kept) == sorted(names)
    assert await keys(kept, limit=3) == sorted(names)[:3]
    assert await keys(kept, limit=3, after=sorted(names)[2]) == sorted(names)[3:6]
    assert await keys(kept, after="disputes/z") == []
    assert await keys(kept, seconds=60) == []


@pytest.mark.parametrize("begin", ["disputes/", "disputes/c", "disputes/cc", "disputes/e", "disputes/z"])
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
async def test_what_is_old_is_listed_once_around_from_anywhere(kept, begin, limit):
    names = [f"disputes/{letter}" for letter in "abcde"]
    await kept.put("somebody-else/backup", b"x", "image/png")
    for name in names:
        await kept.put(name, b"x", "image/png")
    pages = [list(page) async for page in kept.pages(-60, limit, begin)]
    around = [name for name in names if name > begin] + [name for name in names if name <= begin]
    assert [name for page in pages for name in page] == around
    assert max(map(len, pages)) <= limit
    assert [page async for page in kept.pages(60, limit, begin)] == []


async def test_what_is_removed_on_the_way_around_hides_nothing(kept):
    names = [f"disputes/{letter}" for letter in "abcdefg"]
    for name in names:
        await kept.put(name, b"x", "image/png")
    seen = []
    async for page in kept.pages(-60, 2, "disputes/d"):
        seen += page
        await kept.remove(page)
    assert sorted(seen) == names
    assert await keys(kept) == []


async def test_a_folder_is_listed_once_for_all_its_pages(folder, monkeypatch):
    for number in range(6):
        await folder.put(f"disputes/{number}", b"x", "image/png")
    listed, listing = [], FolderStorage._listing

    def counted(self, after):
        listed.append(after)
        return listing(self, after)

    monkeypatch.setattr(FolderStorage, "_listing", counted)
    assert len([page async for page in folder.pages(-60, 1, "disputes/3")]) == 6
    assert listed == [None]


async def test_a_listing_of_many_pages_has_the_time_of_a_call_for_each(in_bucket, bucket, server, knobs, monkeypatch):
    monkeypatch.setattr("gateways.storage._PAGE", PAGE)
    for number in range(15):
        await in_bucket.put(f"disputes/{number:02}", b"x", "image/png")
    knobs(outside_timeout_seconds=0.4)
    kept, answer = storage(), server.answer
    server.answer = lambda seen: [0.15, answer(seen)]
    assert len(await keys(kept)) == 15


# --- what holds nothing at all


async def test_a_storage_that_holds_nothing_says_nothing_of_our_files(kept, folder, tmp_path):
    assert await kept.present([]) == frozenset()
    with pytest.raises(Unsure) as no:
        await kept.present(["disputes/a"])
    assert (no.value.system, no.value.operation) == ("storage", "present")
    await kept.put("disputes/b", PNG, "image/png")
    assert await kept.present(["disputes/a"]) == frozenset()


async def test_of_a_bucket_only_our_place_in_it_counts(in_bucket, bucket, knobs):
    await in_bucket.put("disputes/a", PNG, "image/png")
    knobs(storage_url="s3://files/elsewhere")
    with pytest.raises(Unsure, match="nothing is there at all"):
        await storage().present(["disputes/a"])


async def test_a_bucket_that_there_is_not_is_unsure(in_bucket, server):
    server.answer = lambda _: raw(404, b"<Error><Code>NoSuchBucket</Code></Error>")
    with pytest.raises(Unsure):
        await in_bucket.present(["disputes/a"])


async def test_a_folder_is_not_made_by_reading(folder, tmp_path):
    with pytest.raises(Unsure):
        await folder.present(["disputes/a"])
    await folder.remove(["disputes/a"])
    assert await keys(folder) == []
    assert await folder.open((await folder.link("disputes/a", 60)).rsplit("/", 1)[1]) is None
    assert not (tmp_path / "home").exists()


async def test_a_folder_that_is_empty_is_not_mounted_and_one_that_was_emptied_is(folder, tmp_path):
    (tmp_path / "home" / "attachments").mkdir(parents=True)
    with pytest.raises(Unsure, match="nothing is there at all"):
        await folder.present(["disputes/a"])
    await folder.put("disputes/a", PNG, "image/png")
    await folder.remove(["disputes/a"])
    assert await folder.present(["disputes/a"]) == frozenset()


async def test_only_what_was_put_so_long_ago_is_old(folder, in_bucket, bucket):
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    for where in (folder, in_bucket):
        await where.put("disputes/old", b"x", "image/png")
        await where.put("disputes/new", b"x", "image/png")
    os.utime(folder._folder / "disputes/old", (hour_ago.timestamp(),) * 2)
    bucket.put_at["evidence/disputes/old"] = hour_ago
    for where in (folder, in_bucket):
        assert await keys(where, seconds=1_800) == ["disputes/old"]
        assert await keys(where, seconds=7_200) == []


@pytest.mark.parametrize("key", ["../x", "a//b", "a/../../b", "nul\0"])
async def test_a_key_that_leads_elsewhere_is_no_key(kept, tmp_path, key):
    with pytest.raises(Unsure):
        await kept.put(key, b"x", "image/png")
    assert not list(tmp_path.glob("x")) + list(tmp_path.glob("home/x"))


async def test_a_large_file_does_not_stop_the_loop(kept):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    await kept.put("large", bytes(5 * 1024 * 1024), "image/png")
    ticking.cancel()
    assert ticks > 0


# --- the folder


async def test_the_folder_is_this_users_alone(folder, tmp_path):
    assert isinstance(folder, FolderStorage)
    assert not (tmp_path / "home").exists()
    await folder.put("a/b", PNG, "image/png")
    assert (tmp_path / "home" / "attachments").stat().st_mode & 0o777 == 0o700


async def test_a_folder_that_cannot_be_made_is_unsure(tmp_path, knobs):
    (tmp_path / "home").write_text("a file")
    knobs(home=tmp_path / "home")
    with capture_logs() as lines, pytest.raises(Unsure, match="NotADirectoryError"):
        await storage().put("k", b"x", "image/png")
    assert [line["event"] for line in lines] == ["no answer from outside"]


async def test_a_link_to_the_folder_is_opened_until_its_time_is_over(folder, monkeypatch):
    await folder.put("a/b", PNG * 2_000, "image/png")
    link = await folder.link("a/b", 60)
    address, token = link.rsplit("/", 1)
    assert address == "http://127.0.0.1:8000/attachments"
    opened = await folder.open(token)
    assert (opened.size, opened.mime_type) == (len(PNG) * 2_000, "image/png")
    assert b"".join([part async for part in opened.parts]) == PNG * 2_000
    assert (await folder.open((await folder.link("never/put", 60)).rsplit("/", 1)[1])) is None
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 59)
    assert await folder.open(token) is not None
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert await folder.open(token) is None


def test_addresses_cannot_be_made_up():
    ours, theirs = Addresses("https://saldo.example/", SECRET), Addresses("https://saldo.example", "t" * 32)
    address = ours.of("d/ä", 60)
    folder, token = address.rsplit("/", 1)
    assert folder == "https://saldo.example/attachments"
    assert ours.key(token) == "d/ä"
    assert ours.of("d/ä", 60) == address
    other = ("B" if token[0] == "A" else "A") + token[1:]
    for odd in ("", "x", token[:-1], token + "A", other, token.swapcase(), token + "=", "ä" * 40, "A" * 10_000):
        assert ours.key(odd) is None
    assert theirs.key(token) is None
    assert ours.key(ours.of("d", 0).rsplit("/", 1)[1]) is None
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


# --- the bucket


async def test_a_bucket_is_asked_with_credentials_of_the_environment(in_bucket, bucket, server):
    assert isinstance(in_bucket, BucketStorage)
    await in_bucket.put("d/k", PNG, "image/png")
    (seen,) = server.calls
    assert (seen.method, seen.path, seen.body) == ("PUT", "/base/files/evidence/d/k", PNG)
    assert (seen.headers["content-type"], seen.headers["content-disposition"]) == ("image/png", "attachment")
    assert "Credential=a-key/" in seen.headers["authorization"]
    assert "hush-hush" not in str(seen)


async def test_a_link_to_a_bucket_is_signed_for_a_while_without_asking(in_bucket, server):
    link = urlsplit(await in_bucket.link("d/k", 360))
    told = parse_qs(link.query)
    assert f"{link.scheme}://{link.netloc}{link.path}" == f"{server.url}/files/evidence/d/k"
    assert told["X-Amz-Expires"] == ["360"]
    assert told["X-Amz-Signature"]
    assert not server.calls


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (raw(500, b"broken"), "GenericError"),
        (raw(403, b"<Error><Code>AccessDenied</Code></Error>"), "PermissionDeniedError"),
        (raw(401, b""), "UnauthenticatedError"),
        (raw(302, b"", "Location: http://127.0.0.1:1/"), "GenericError"),
        (b"nonsense\r\n\r\n", "GenericError"),
        (None, "GenericError"),
        (5, "timeout"),
    ],
)
async def test_a_bucket_that_misbehaves_is_unsure(in_bucket, server, knobs, answer, reason):
    knobs(outside_timeout_seconds=0.4, outside_connect_seconds=0.2)
    kept = storage()
    server.answer = lambda _: answer
    for ask in (
        lambda: kept.put("k", b"x", "image/png"),
        lambda: kept.present(["k", "l"]),
        lambda: kept.remove(["k"]),
        lambda: kept.older(60, 10),
    ):
        started = time.monotonic()
        with capture_logs() as lines, pytest.raises(Unsure) as no:
            await ask()
        assert time.monotonic() - started < 1.5
        assert no.value.system == "storage"
        assert no.value.reason in {reason, "GenericError", "timeout"}
        assert "hush-hush" not in repr(lines) + str(no.value)


async def test_a_bucket_that_is_not_there_is_unsure(in_bucket, knobs, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(Unsure, match="GenericError"):
        await storage().present(["k"])


# --- what the settings say


async def test_both_processes_are_given_the_same_storage(folder, tmp_path):
    async with api_gateways() as api, worker_gateways() as worker:
        await worker.storage.put("k", PNG, "image/png")
        opened = await api.storage.open((await worker.storage.link("k", 60)).rsplit("/", 1)[1])
        assert opened.size == len(PNG)


async def test_production_keeps_files_where_it_is_told_to_or_nowhere(knobs):
    knobs(**BARE)
    assert storage() is None
    knobs(attachment_secret=SECRET, public_url="https://saldo.example")
    assert isinstance(storage(), FolderStorage)
    assert (await storage().link("k", 60)).startswith("https://saldo.example/attachments/")
    knobs(storage_url="s3://bucket")
    assert isinstance(storage(), BucketStorage)
    check_api()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"attachment_secret": SECRET}, "SALDO_ATTACHMENT_SECRET needs SALDO_PUBLIC_URL"),
        ({"attachment_secret": "short", "public_url": "https://x"}, "SALDO_ATTACHMENT_SECRET must have 32 bytes"),
        ({"attachment_secret": DEVELOPMENT_ATTACHMENT_SECRET}, "SALDO_ATTACHMENT_SECRET is published"),
        ({"attachment_secret": SECRET, "public_url": "http://x"}, "SALDO_PUBLIC_URL must be https"),
        ({"storage_url": "https://bucket.example"}, "SALDO_STORAGE_URL must be s3://"),
        ({"storage_url": "/var/files"}, "SALDO_STORAGE_URL must be s3://"),
        ({"attachment_max_bytes": 8 * 1024 * 1024}, "attachment_max_bytes must not exceed upload_body_max_bytes"),
    ],
)
def test_what_is_half_told_stops_the_start(knobs, given, told):
    knobs(**BARE | given)
    with pytest.raises(ValueError, match=told):
        Settings()


def test_a_bucket_without_a_name_is_named(knobs):
    knobs(**BARE, storage_url="s3://")
    with pytest.raises(ValueError, match="SALDO_STORAGE_URL, or AWS_"):
        storage()


def test_the_secrets_are_not_shown(knobs):
    knobs(attachment_secret=SECRET)
    assert SECRET not in repr(settings()) + str(settings())
    assert settings().attachments_sealed_with == SECRET
    assert DEVELOPMENT_SECRET != DEVELOPMENT_ATTACHMENT_SECRET
