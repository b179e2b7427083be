"""Files: what the bytes tell, and what is refused before anything is kept."""

from __future__ import annotations

import pytest

from models.events.requests import Request
from models.kernel.files import Fault, File, attachment_problems, detected
from models.kernel.refusals import FieldProblem

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(50) + b"\xff\xd9"
GIF = b"GIF89a" + bytes(50)
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(50)
PDF = b"%PDF-1.7\n" + b"x" * 100 + b"\n%%EOF\n"
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
ALLOWED = "must be one of image/png, image/jpeg, image/webp, image/gif, application/pdf"
OTHERWISE = "must be what the file is: its bytes tell otherwise"
ODD = 'must be a media type, like "image/png"'


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"\xff\xd8\xff\xdb" + bytes(50), "image/jpeg"),
        (b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00" + bytes(50), "image/jpeg"),
        (GIF, "image/gif"),
        (b"GIF87a" + bytes(50), "image/gif"),
        (WEBP, "image/webp"),
        (PDF, "application/pdf"),
        (HTML, "text/html"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
        (b"\0\0\0\x18ftypmp42" + bytes(40), "video/mp4"),
        (b"RIFF\x24\x00\x00\x00ABCDxxxx" + bytes(50), None),
        (b"just words", None),
        (bytes(100), None),
        (b"", None),
    ],
)
def test_the_bytes_tell_what_a_file_is(data, kind):
    assert detected(data) == kind


@pytest.mark.parametrize("declared", ["image/png", "IMAGE/PNG", "Image/Png; name=x.png", " image/png "])
def test_a_type_is_compared_without_case_or_parameters(declared):
    assert not list(attachment_problems([File(PNG, declared)]))
    assert File(PNG, declared).media_type == "image/png"


@pytest.mark.parametrize(
    ("data", "declared", "message"),
    [
        (PNG, "video/mp4", ALLOWED),
        (HTML, "text/html", ALLOWED),
        (HTML, "image/png", OTHERWISE),
        (b"\n\n" + HTML, "image/png", OTHERWISE),
        (JPEG, "image/png", OTHERWISE),
        (b"<svg/>", "image/gif", OTHERWISE),
        (b"MZ" + bytes(100), "application/pdf", OTHERWISE),
        (b"just words", "application/pdf", OTHERWISE),
        (PNG, "", ODD),
        (PNG, "png", ODD),
        (PNG, "image/", ODD),
        (PNG, "image/png/x", ODD),
        (PNG, "image/png\r\nx: y", ODD),
        (PNG, "imäge/png", ODD),
        (PNG, "a/" + "b" * 10_000, ODD),
    ],
)
def test_a_type_that_is_not_so_is_refused(data, declared, message):
    assert list(attachment_problems([File(data, declared)])) == [
        (Fault.TYPE, FieldProblem("attachments.0.mimeType", message))
    ]


def test_every_file_is_looked_at_and_what_is_good_is_not_told(knobs):
    knobs(attachment_max_bytes=200)
    files = [
        File(PNG, "image/png"),
        File(b"", "image/png"),
        File(PNG + bytes(200), "image/png"),
        File(HTML, "image/png"),
    ]
    assert list(attachment_problems(files, "evidence")) == [
        (Fault.EMPTY, FieldProblem("evidence.1", "must not be empty")),
        (Fault.TOO_LARGE, FieldProblem("evidence.2", "may have up to 200 bytes")),
        (Fault.TYPE, FieldProblem("evidence.3.mimeType", OTHERWISE)),
    ]


def test_there_is_a_least_and_a_most(knobs):
    knobs(attachments_max=2)
    good = File(PNG, "image/png")
    assert list(attachment_problems([])) == [(Fault.NONE, FieldProblem("attachments", "must have 1 to 2 files"))]
    assert not list(attachment_problems([good] * 2))
    assert list(attachment_problems([good] * 3)) == [
        (Fault.TOO_MANY, FieldProblem("attachments", "may have up to 2 files"))
    ]


def test_the_types_are_a_setting(knobs):
    knobs(attachment_types='["Text/HTML"]')
    assert not list(attachment_problems([File(HTML, "text/html")]))
    ((fault, problem),) = attachment_problems([File(PNG, "image/png")])
    assert (fault, problem.message) == (Fault.TYPE, "must be one of text/html")


def test_bytes_are_not_shown_and_are_told_apart_in_a_request():
    assert "IHDR" not in repr(File(PNG, "image/png"))
    large = bytes(5_000_000)
    one, same, other = (Request("m", {"files": [{"data": data}]}) for data in (large, bytes(5_000_000), large + b"x"))
    assert one.digest == same.digest
    assert one.digest != other.digest
    assert len(repr(one)) < 1_000
