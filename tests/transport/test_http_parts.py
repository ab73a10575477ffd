"""Requests put together from good parts and bad ones: more of them are nearly right than among random bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transport.test_http import ask
from tests.transport.websocket_client import BINARY, TEXT, close, frame

pytestmark = pytest.mark.autojump

METHODS = (b"GET", b"HEAD", b"POST", b"CONNECT", b"OPTIONS", b"PRI", b"A")
TARGETS = (b"/", b"/ws", b"/ws?x", b"/raise", b"*", b"h:80", b"http://h/", b"http://", b"/%ff%00", b"//", b"/\xff", b"")
VERSIONS = (b"1.1", b"1.1", b"1.1", b"1.0", b"2.0", b"x")
UPGRADE = (
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
HEADERS = (
    *UPGRADE,
    b"Host: h",
    b"Host: \xff",
    b"Connection: close",
    b'Connection: ,"',
    b"Upgrade: h2c",
    b"Sec-WebSocket-Version: 8",
    b"Sec-WebSocket-Key: \xff\x01",
    b'Sec-WebSocket-Extensions: permessage-deflate; "',
    b'Sec-WebSocket-Protocol: a,,"',
    b"Origin: null",
    b"Origin: http://h",
    b"Origin: \xff\x1b",
    b"Content-Length: 5",
    b"Content-Length: 0",
    b"Content-Length: 99999999",
    b"Content-Length: " + b"1" * 5_000,
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip",
    b"Expect: 100-continue",
    b"X: \x01\x7f",
    b"X:",
    b" folded",
    b"Bad Name: x",
)
BODIES = (b"", b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\n", b"0\r\nX: y\r\n\r\n", b"\xff\0\x16")
FRAMES = (frame(BINARY, b"x"), frame(TEXT, b"x"), close(1000), b"\x82\xff")


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    line = b" ".join((draw(st.sampled_from(METHODS)), draw(st.sampled_from(TARGETS)), b"HTTP/"))
    usual = draw(st.sampled_from([(), (b"Host: h",), (b"Host: h", *UPGRADE)]))
    headers = (*usual, *draw(st.lists(st.sampled_from(HEADERS), max_size=4)))
    end = draw(st.sampled_from([b"\r\n", b"\r\n", b"\n"]))
    body = draw(st.sampled_from(BODIES + FRAMES))
    return end.join((line + draw(st.sampled_from(VERSIONS)), *headers, b"", body))


@given(st.lists(requests(), min_size=1, max_size=3))
async def test_requests_of_good_and_bad_parts_are_answered(data: list[bytes]) -> None:
    answer = await ask(b"".join(data))
    assert answer.startswith(b"HTTP/1.1 ")
