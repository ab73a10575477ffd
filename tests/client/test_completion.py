"""Tab offers what fits where the cursor stands."""

import pytest

from trio_chat.client.completion import Completions


def offered(line: str) -> tuple[int, list[str]]:
    completions = Completions(lambda: ["Alice", "bob", "alfred"], lambda: ["lobby", "trio", "tea"])
    completions.commands = ["/help", "/history", "/join"]
    completion = completions(line)
    return completion.start, list(completion.words)


@pytest.mark.parametrize(
    ("line", "start", "words"),
    [
        ("/h", 0, ["/help ", "/history "]),
        ("/", 0, ["/help ", "/history ", "/join "]),
        ("al", 0, ["Alice: ", "alfred: "]),
        ("hello AL", 6, ["Alice ", "alfred "]),
        ("one\nbo", 4, ["bob "]),
        ("/msg bo", 5, ["bob "]),
        ("/join t", 6, ["tea ", "trio "]),
        ("/join ", 6, ["lobby ", "tea ", "trio "]),
        ("/join #t", 6, ["#tea ", "#trio "]),
        ("see #lo", 4, ["#lobby "]),
        ("say /h", 4, []),
        ("", 0, []),
        ("hello ", 6, []),
        ("zz", 0, []),
    ],
)
def test_the_last_word_is_completed_by_what_fits_there(line: str, start: int, words: list[str]) -> None:
    assert offered(line) == (start, words)
