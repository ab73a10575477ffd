"""What robots.txt allows, and how often a host is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.bot.proxies.robots import INTERVAL_S, Pace, Robots, robots_of_answer, robots_url, site_of

RULES = """
User-agent: *
Disallow: /private
Crawl-delay: 10

User-agent: trio_chat
Disallow: /not-for-us
Request-rate: 1/7
"""


def test_the_rules_for_us_hold_and_those_for_others_do_not() -> None:
    robots = Robots(RULES)
    assert robots.allow("http://a.example/private")
    assert not robots.allow("http://a.example/not-for-us/list?x=1")
    assert robots.interval_s == 7


def test_the_rules_for_all_hold_where_none_are_for_us() -> None:
    robots = Robots("User-agent: *\nDisallow: /private\nCrawl-delay: 10")
    assert not robots.allow("http://a.example/private/list")
    assert robots.allow("http://a.example/list")
    assert robots.interval_s == 10


def test_wildcards_hold_and_the_longest_rule_wins() -> None:
    robots = Robots("User-agent: *\nDisallow: /*.php$\nDisallow: /a\nAllow: /a/b\n")
    allowed = {path: robots.allow(f"http://a.example{path}") for path in ("/l.php", "/l.php5", "/a", "/a/b/c")}
    assert allowed == {"/l.php": False, "/l.php5": True, "/a": False, "/a/b/c": True}


@pytest.mark.parametrize("text", ["", "hello", "User-agent: *\nCrawl-delay: 0.1", "User-agent: *\nCrawl-delay: x"])
def test_without_a_wish_the_interval_is_ours(text: str) -> None:
    assert Robots(text).interval_s == INTERVAL_S


words = st.sampled_from(
    ["User-agent: *\n", "Disallow: ", "Crawl-delay: ", "Request-rate: ", "/", "*", "$", "nan", "inf", "-1", "1e400",
     "0", "0s", "\n", "%", "\x00", ":"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(words).map("".join)), st.text())
def test_whatever_a_file_says_there_is_an_answer(text: str, path: str) -> None:
    robots = Robots(text)
    assert robots.allow(f"http://a.example/{path}") in (True, False)
    assert robots.interval_s >= INTERVAL_S


@pytest.mark.parametrize(
    ("status", "allowed"), [(200, False), (404, True), (403, True), (429, False), (500, False), (503, False)]
)
def test_what_an_answer_without_rules_means(status: int, allowed: bool) -> None:
    assert robots_of_answer(status, "User-agent: *\nDisallow: /").allow("http://a.example/list") is allowed


def test_rules_hold_for_one_scheme_host_and_port() -> None:
    assert robots_url("https://ann:secret@A.example:8443/list?key=1") == "https://a.example:8443/robots.txt"
    assert site_of("http://a.example/x") == "http://a.example"


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 5), st.floats(0, 20))))
def test_two_requests_to_one_host_are_never_closer_than_it_wants(asked: list[tuple[str, float, float]]) -> None:
    pace, now = Pace(), 0.0
    last: dict[str, float] = {}
    for host, gap, interval_s in asked:
        now += gap
        start_at = pace.reserve(host, now, interval_s)
        assert start_at >= now
        assert start_at - last.get(host, -1e9) >= interval_s - 1e-6
        assert start_at <= max(now, last.get(host, -1e9) + interval_s)  # and no later than need be
        last[host] = start_at
