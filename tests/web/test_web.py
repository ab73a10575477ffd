"""The page's files over HTTP: which names there are, and what a browser is told about each."""

import gzip
import zipfile
from importlib.resources.abc import Traversable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.transport.exchange import HttpRequest, HttpResponse
from trio_chat.web import Pages, headers_for, load_pages, page_file, takes_gzip

SCRIPT = b"export const answer = 42; // and some words that are packed well\n" * 20


def get(**headers: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest("GET", "/page/client.js", "", named, b"", "127.0.0.1:50000")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    page = tmp_path / "page"
    page.mkdir()
    for name, content in {
        "index.html": b"<!doctype html><title>chat</title>",
        "client.js": SCRIPT,
        "icon.svg": b"<svg/>",
        "package.json": b'{"type": "module"}',
        "notes.txt": b"for developers",
        ".hidden.js": b"secret()",
        "__init__.py": b"",
    }.items():
        (page / name).write_bytes(content)
    (page / "folder.js").mkdir()
    (tmp_path / "secret.js").write_bytes(b"outside")
    return page


@pytest.fixture
def pages(folder: Path) -> Pages:
    return load_pages(folder)


def answer(pages: Pages, name: str = "client.js", **headers: str) -> HttpResponse:
    file = pages.find(name)
    assert file is not None
    return file.answer(get(**headers))


# --- which names there are ----------------------------------------------------------------------------


def test_files_are_found_by_name_with_their_types(pages: Pages) -> None:
    assert answer(pages).headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer(pages, "icon.svg").headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert answer(pages).body == SCRIPT


@pytest.mark.parametrize("name", ["package.json", "notes.txt", ".hidden.js", "__init__.py", "folder.js", "nothing.js"])
def test_what_is_not_for_browsers_is_not_there(pages: Pages, name: str) -> None:
    assert pages.find(name) is None


def test_the_page_itself_is_no_name_beside_the_others(pages: Pages) -> None:
    assert pages.index is not None
    assert pages.find("index.html") is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../secret.js",
        "..\\secret.js",
        "%2e%2e/secret.js",
        "./client.js",
        "/client.js",
        "client.js/",
        "client.js\x00",
        "client.js\x00.svg",
        "CLIENT.JS",
        "client.js ",
        "client.js?x",
        "client%2ejs",
        "folder.js/../client.js",
    ],
)
def test_no_other_spelling_leads_anywhere(pages: Pages, name: str) -> None:
    assert pages.find(name) is None


@given(st.text())
def test_whatever_is_asked_for_only_the_files_that_were_there_are_found(name: str) -> None:
    pages = Pages({"client.js": page_file("text/javascript", SCRIPT)})
    assert (pages.find(name) is not None) == (name == "client.js")


def test_a_file_that_comes_later_is_not_served(folder: Path, pages: Pages) -> None:
    (folder / "late.js").write_bytes(b"late()")
    assert pages.find("late.js") is None


def test_without_files_there_is_no_page(tmp_path: Path) -> None:
    assert load_pages(tmp_path).index is None
    assert load_pages(tmp_path / "nowhere").index is None


def test_the_files_are_read_from_a_zip_as_well(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "package.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in folder.glob("*.*"):
            if path.is_file():
                packed.write(path, f"page/{path.name}")
    inside: Traversable = zipfile.Path(archive) / "page"
    assert answer(load_pages(inside)) == answer(load_pages(folder))


def test_the_package_has_the_page_s_files_with_it() -> None:
    assert answer(load_pages(), "client.js").headers["Content-Type"] == "text/javascript; charset=utf-8"


# --- caching ------------------------------------------------------------------------------------------


def test_who_has_a_file_already_is_told_so_without_its_bytes(pages: Pages) -> None:
    first = answer(pages)
    etag = first.headers["ETag"]
    assert etag.startswith('"')  # strong: it names these very bytes
    for seen in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = answer(pages, if_none_match=seen)
        assert (again.status, again.body) == (304, b"")
        assert {name: again.headers[name] for name in ("ETag", "Cache-Control", "Vary")} == {
            "ETag": etag,
            "Cache-Control": "no-cache",
            "Vary": "Accept-Encoding",
        }
    assert answer(pages, if_none_match='"other"').status == 200
    assert answer(pages, if_none_match=etag[:-2] + '"').status == 200


def test_another_content_has_another_tag() -> None:
    one, other = page_file("text/css", b"a{}"), page_file("text/css", b"b{}")
    assert one.etag != other.etag
    assert one == page_file("text/css", b"a{}")


# --- packing ------------------------------------------------------------------------------------------


def test_a_client_that_takes_gzip_gets_fewer_bytes_under_another_tag(pages: Pages) -> None:
    plain, packed = answer(pages), answer(pages, accept_encoding="gzip, deflate, br")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.body) == SCRIPT
    assert len(packed.body) < len(plain.body)
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert {plain.headers["Vary"], packed.headers["Vary"]} == {"Accept-Encoding"}
    assert answer(pages, accept_encoding="gzip", if_none_match=packed.headers["ETag"]).status == 304
    assert answer(pages, if_none_match=packed.headers["ETag"]).status == 200


def test_packed_bytes_hold_no_time_so_that_every_start_gives_the_same() -> None:
    packed = page_file("text/javascript", SCRIPT).packed
    assert packed is not None
    assert packed[4:8] == bytes(4)  # RFC 1952, MTIME


def test_what_gets_no_smaller_is_served_as_it_is() -> None:
    tiny, random = page_file("text/css", b"a{}"), page_file("image/png", bytes(range(256)) * 2)
    assert tiny.packed is None
    assert "Vary" not in tiny.answer(get(accept_encoding="gzip")).headers
    assert random.packed is None or len(random.packed) < 512


@pytest.mark.parametrize(
    ("accept_encoding", "takes"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("br, gzip;q=0.5", True),
        ("gzip; q=1.000", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip;q=0.0, *", False),
        ("br, *;q=0.1", True),
        ("identity", False),
        ("gzipped", False),
        ("gzip;level=9", False),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(accept_encoding: str, takes: bool) -> None:
    assert takes_gzip(accept_encoding) is takes


@given(st.text())
def test_whatever_accept_encoding_says_it_is_read(accept_encoding: str) -> None:
    takes_gzip(accept_encoding)


# --- what binds the browser ---------------------------------------------------------------------------


def test_no_inline_script_and_nothing_foreign_is_allowed() -> None:
    policy = headers_for("chat.example:5002")["Content-Security-Policy"]
    directives = dict(directive.split(" ", 1) for directive in policy.split("; "))
    assert directives == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self' ws://chat.example:5002 wss://chat.example:5002",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize(
    "host", ["", "a b", "a;script-src *", "a'", "a,b", "*", "*.example", "a/b", "a\n", "[::1", "a:b", "a:123456", "é"]
)
def test_a_host_that_is_none_is_not_repeated_in_the_policy(host: str) -> None:
    assert "connect-src 'self';" in headers_for(host)["Content-Security-Policy"]


@pytest.mark.parametrize("host", ["localhost:5002", "127.0.0.1", "[::1]:5002", "chat.example", "my_host"])
def test_a_host_is_named_for_browsers_that_do_not_take_self_for_it(host: str) -> None:
    assert f"connect-src 'self' ws://{host} wss://{host};" in headers_for(host)["Content-Security-Policy"]
