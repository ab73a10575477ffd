"""Lines come whole from any descriptor, however the bytes are cut, and a line without end is not kept."""

import os
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.input import InputLine, LineSplitter, read_some


def split(parts: list[bytes], max_bytes: int = 1_000) -> list[InputLine]:
    splitter = LineSplitter(max_bytes)
    lines = [line for part in parts for line in splitter.feed(part)]
    return lines + splitter.end()


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"))), st.data())
def test_lines_are_the_same_cut_anywhere(texts: list[str], data: st.DataObject) -> None:
    whole = "\n".join(texts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    if texts and not texts[-1]:  # a newline ends a line, and begins none
        texts = texts[:-1]
    assert split(parts) == [InputLine(number, text) for number, text in enumerate(texts, 1)]


@given(st.lists(st.binary(max_size=30)))
def test_any_bytes_are_lines_or_faults_and_none_is_left_out(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    expected = whole.split(b"\n")
    if not expected[-1]:
        expected.pop()
    lines = split(parts, max_bytes=20)
    assert [line.number for line in lines] == list(range(1, len(expected) + 1))
    for line, raw in zip(lines, expected, strict=True):
        if line.fault is None:
            assert line.text.encode() == raw.removesuffix(b"\r")
            assert len(raw) <= 20
        else:
            assert len(raw) > 20 or b"\xff" in raw or not is_utf8(raw)


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_a_last_line_without_newline_counts() -> None:
    assert split([b"one\ntwo"]) == [InputLine(1, "one"), InputLine(2, "two")]


def test_carriage_returns_before_newlines_are_no_part_of_a_line() -> None:
    assert split([b"one\r", b"\ntwo\r"]) == [InputLine(1, "one"), InputLine(2, "two")]


def test_a_line_that_is_too_long_or_no_text_is_reported_and_the_next_one_is_read() -> None:
    too_long, ok, no_text, last = split([b"x" * 600, b"x" * 600, b"\nok\n\xff\n", b"y" * 1_001])
    assert (too_long.number, too_long.fault) == (1, "It is too long; a message has at most 4000 characters.")
    assert ok == InputLine(2, "ok")
    assert (no_text.number, no_text.fault) == (3, "It is not UTF-8 text.")
    assert last.fault == too_long.fault


def test_a_line_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert split([b"x" * 600, b"x" * 400 + b"\n"]) == [InputLine(1, "x" * 1_000)]
    assert split([b"x" * 600, b"x" * 401 + b"\n"])[0].fault is not None


def test_no_more_than_the_limit_is_held_of_a_line_without_end() -> None:
    splitter = LineSplitter(1_000)
    for _ in range(100):
        splitter.feed(bytes(999))
        assert len(splitter._held) <= 1_000


async def test_a_pipe_is_read_as_it_is_written_and_to_its_end() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    async with trio.open_nursery() as nursery:
        got: list[bytes] = []

        async def read() -> None:
            while data := await read_some(reader):
                got.append(data)

        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        os.write(writer, b"one")
        with trio.fail_after(60):
            while not got:
                await trio.lowlevel.checkpoint()
        os.write(writer, b"two")
        os.close(writer)
    assert got == [b"one", b"two"]
    os.close(reader)


@pytest.mark.parametrize("content", [b"hello\n", b""])
async def test_a_file_is_read_to_its_end(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with path.open("rb") as file:
        assert await read_some(file.fileno()) == content
        assert await read_some(file.fileno()) == b""
