"""Files beside an operation: in which form they come, and where they may stand."""

from __future__ import annotations

import json

import pytest

from models.kernel.viewer import Role
from tests.kernel.test_files import PNG
from tests.make import Asker
from tests.server.toy_uploads import KEEP, ONE, told, toy

__all__ = ["toy"]
MIB = 1024 * 1024
MERCHANT = Asker.of(Role.MERCHANT, party="party-1")
TWO = {"query": KEEP, "variables": {"input": {"files": [{"file": None}, {"file": None, "note": "second"}]}}}
PATHS = {"a": ["variables.input.files.0.file"], "b": ["variables.input.files.1.file"]}


def headed(by, **more):
    bearer = {"authorization": f"Bearer {by.token}"} if by else {}
    return bearer | {name.replace("_", "-"): value for name, value in more.items()}


def part(name, content, filename=None, kind=None):
    named = f'; filename="{filename}"' if filename is not None else ""
    typed = f"Content-Type: {kind}\r\n" if kind else ""
    text = (
        content
        if isinstance(content, bytes)
        else (content if isinstance(content, str) else json.dumps(content)).encode()
    )
    return f'--cut\r\nContent-Disposition: form-data; name="{name}"{named}\r\n{typed}\r\n'.encode() + text + b"\r\n"


def file(name, content=PNG, kind="image/png"):
    return part(name, content, f"{name}.png", kind)


def form(*parts, end=b"--cut--\r\n"):
    return b"".join(parts) + end


GOOD = (part("operations", TWO), part("map", PATHS), file("a"), file("b", b"%PDF-1.7", "application/pdf"))


@pytest.fixture
def send(client):
    """The answer to a multipart request."""

    async def post(*parts, by=MERCHANT, content=None, **headers):
        given = {"content_type": "multipart/form-data; boundary=cut", "saldo_upload": "1"} | headers
        body = form(*parts) if content is None else content
        return await client.post("/graphql", content=body, headers=headed(by, **given))

    return post


def wrong(answer):
    (error,) = answer.json()["errors"]
    assert "Traceback" not in answer.text
    return error["extensions"]["status"], error["message"]


# --- files beside an operation


async def test_files_come_to_their_places(toy, send):
    answer = await send(*GOOD)
    assert answer.json()["data"] == {"keep": [told(PNG, "image/png"), told(b"%PDF-1.7", "application/pdf")]}


async def test_one_variable_is_a_file_of_five_megabytes(toy, send, served):
    data = PNG + bytes(5 * MIB)
    asked = part("operations", {"query": ONE, "variables": {"file": None}})
    answer = await send(asked, part("map", {"0": ["variables.file"]}), file("0", data))
    assert answer.json()["data"] == {"told": told(data, "image/png")}
    assert served.app.state.large.held == 0


async def test_the_usual_clients_way_is_ours(toy, client):
    """httpx writes the parts by itself; a file that is empty, and one without a type, are files too."""
    answer = await client.post(
        "/graphql",
        data={"operations": json.dumps(TWO), "map": json.dumps(PATHS)},
        files={"a": ("ä.png", b"", "image/png"), "b": ("b", b"x", None)},
        headers=headed(MERCHANT, saldo_upload="1"),
    )
    assert answer.json()["data"]["keep"][0] == told(b"", "image/png")


ORDER = "The parts are operations, map, then files, in this order."
EACH = "map must name each file once, and nothing else."
OPERATIONS, MAP = GOOD[:2]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((), ORDER),
        ((OPERATIONS,), ORDER),
        ((MAP, OPERATIONS, file("a"), file("b")), ORDER),
        ((OPERATIONS, file("a"), MAP, file("b")), ORDER),
        ((file("a"), file("b"), OPERATIONS, MAP), ORDER),
        ((file("operations"), MAP), ORDER),
        ((OPERATIONS, MAP, part("x", "y"), file("a"), file("b")), "Too many fields. Maximum number of fields is 2."),
        ((OPERATIONS, MAP), EACH),
        ((OPERATIONS, MAP, file("a")), EACH),
        ((OPERATIONS, MAP, file("a"), file("b"), file("c")), EACH),
        ((OPERATIONS, MAP, file("a"), file("a"), file("b")), EACH),
        ((OPERATIONS, MAP, *map(file, "abcdefghijk")), "Too many files. Maximum number of files is 10."),
        ((part("operations", "{"), MAP, file("a"), file("b")), "operations is not JSON."),
        ((part("operations", [TWO]), MAP, file("a"), file("b")), "operations must be one JSON object"),
        ((part("operations", {}), part("map", {})), "query must be a document."),
        ((OPERATIONS, part("map", "x"), file("a")), "map is not JSON."),
        ((OPERATIONS, part("map", []), file("a")), "map must be one JSON object"),
        ((OPERATIONS, part("map", {"a": "variables.x"}), file("a")), "map must give one path for each file"),
        ((OPERATIONS, part("map", {"a": []}), file("a")), "map must give one path for each file"),
        ((OPERATIONS, part("map", {"a": [1]}), file("a")), "map must give one path for each file"),
        ((OPERATIONS, part("map", {"a": ["variables.x", "variables.y"]}), file("a")), "map must give one path"),
        ((OPERATIONS, part("map", {"a": PATHS["a"], "b": PATHS["a"]}), file("a"), file("b")), "map gives one place"),
        (
            (b'--cut\r\nContent-Disposition: form-data\r\n\r\nx\r\n',),
            'The Content-Disposition header field "name" must be provided.',
        ),
        ((b"--cut\r\n" + b"x-h: y\r\n" * 100 + b"\r\nx\r\n",), "Invalid multipart data."),
        ((b"--cut\r\nx" + b"y" * 9_000 + b": z\r\n\r\nx\r\n",), "Invalid multipart data."),
        ((b"nonsense",), "Invalid multipart data."),
    ],
)  # fmt: skip
async def test_what_is_no_such_request_is_told_so(toy, send, parts, message):
    status, said = wrong(await send(*parts))
    assert (status, said.startswith(message)) == (400, True), said


@pytest.mark.parametrize(
    "path",
    [
        "", "variables", "variables.", "query", "operations.variables.input.files.0.file", "variables.other",
        "variables.input", "variables.input.files", "variables.input.files.0", "variables.input.files.2.file",
        "variables.input.files.-1.file", "variables.input.files.00.file", "variables.input.files.0.note.x",
        "variables.input.files.1.note", "variables.input.files.99999999999999999999.file", "variables.input.files.\u0661.file",
    ],
)  # fmt: skip
async def test_a_file_takes_the_place_of_a_null(toy, send, path):
    status, said = wrong(await send(OPERATIONS, part("map", {"a": [path]}), file("a")))
    assert (status, said) == (400, f"{path} is not the place of a null in operations.")


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({"input": {"files": [{"note": None}]}}, "variables.input.files.0.note"),
        ({"input": {"files": [{"data": None}]}}, "variables.input.files.0.data"),
        ({"input": {"files": [None]}}, "variables.input.files.0"),
        ({"input": {"files": None}}, "variables.input.files"),
        ({"input": None}, "variables.input"),
        ({"input": {"files": [], "words": [None]}}, "variables.input.words.0"),
        ({"input": {"files": [], "unknown": None}}, "variables.input.unknown"),
        ({"input": {"files": []}, "more": None}, "variables.more"),
    ],
)
async def test_a_place_of_another_kind_takes_no_file(toy, send, variables, path):
    asked = part("operations", {"query": KEEP, "variables": variables})
    status, said = wrong(await send(asked, part("map", {"a": [path]}), file("a")))
    assert (status, said) == (400, f"{path} takes no file.")


async def test_no_field_of_ours_takes_a_file_that_does_not_ask_for_one(send, nothing_written):
    asked = 'mutation ($name: String!) { upsertPerson(input: {externalId: "x", name: $name}) { __typename } }'
    async with nothing_written():
        answer = await send(
            part("operations", {"query": asked, "variables": {"name": None}}),
            part("map", {"a": ["variables.name"]}),
            file("a"),
            by=Asker.of(Role.OPERATOR),
        )
    assert wrong(answer) == (400, "variables.name takes no file.")


async def test_a_page_of_a_stranger_cannot_send_files(toy, send, client):
    assert wrong(await send(*GOOD, saldo_upload="")) == (400, "Files are sent with the header Saldo-Upload: 1.")
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "saldo-upload"}
    allowed = await client.options("/graphql", headers=asked | {"origin": "http://localhost:3000"})
    assert (allowed.status_code, "saldo-upload" in allowed.headers["access-control-allow-headers"]) == (200, True)
    assert (await client.options("/graphql", headers=asked | {"origin": "https://evil.example"})).status_code == 400


@pytest.mark.parametrize(
    ("media", "status", "message"),
    [
        ("multipart/form-data", 400, "Missing boundary in multipart."),
        ("multipart/form-data; boundary=" + "x" * 300, 400, "Invalid multipart data."),
        ("multipart/form-data; boundary=other", 400, "Invalid multipart data."),
        ("multipart/form-data; boundary=cut; charset=base64", 415, "Requests are application/json"),
        ("multipart/mixed; boundary=cut", 415, "Requests are application/json"),
    ],
)
async def test_a_form_says_how_it_is_cut(toy, send, media, status, message):
    found = wrong(await send(*GOOD, content_type=media))
    assert (found[0], found[1].startswith(message)) == (status, True), found


async def test_a_form_that_is_cut_short_is_none(toy, send):
    whole = form(*GOOD)
    short = (400, "The body ends before its last boundary.")
    assert wrong(await send(content=whole[: -len("--cut--\r\n")])) == short
    assert wrong(await send(content=whole[:-20])) == short
    assert wrong(await send(content=b"")) == short
