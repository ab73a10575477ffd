"""Which proxy a pool chooses."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from trio_chat.bot.proxies import ProxiesError, Proxy, ProxyPool
from trio_chat.bot.proxies.health import MAX_BACKOFF_S, cost_s

PROXIES = [Proxy("http", "1.2.3.4", port) for port in (1, 2, 3, 4)]


def most(low: float, high: float) -> float:
    return high


class Requests(RuleBasedStateMachine):
    """Requests through a pool, at any times, with any outcome."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = ProxyPool(PROXIES, uniform=most)
        self.now = 0.0
        self.left_alone_until = dict.fromkeys(PROXIES, -math.inf)

    @rule(seconds=st.floats(0, 1_000))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(latency_s=st.floats(0, 30))
    def get_through(self, latency_s: float) -> None:
        chosen = self.pool.choose(self.now)
        assert chosen is not None
        self.pool.succeeded(chosen, self.now, latency_s)
        self.left_alone_until[chosen] = -math.inf

    @rule()
    def fail(self) -> None:
        chosen = self.pool.choose(self.now)
        assert chosen is not None
        self.pool.failed(chosen, self.now)
        self.left_alone_until[chosen] = self.pool.health(chosen).retry_at

    @invariant()
    def the_chosen_is_the_best_of_those_that_may_be_tried(self) -> None:
        allowed = {proxy for proxy in PROXIES if self.left_alone_until[proxy] <= self.now}
        chosen = self.pool.choose(self.now)
        assert chosen is not None
        if not allowed:
            assert self.left_alone_until[chosen] == min(self.left_alone_until.values())
            assert self.pool.choose(self.now, without=[chosen]) is None
            return
        assert chosen in allowed
        costs = {proxy: cost_s(self.pool.health(proxy), self.now) for proxy in allowed}
        assert costs[chosen] == min(costs.values())

    @invariant()
    def no_proxy_is_lost_for_ever(self) -> None:
        later = self.now + MAX_BACKOFF_S
        assert all(self.pool.health(proxy).retry_at <= later for proxy in PROXIES)


TestRequests = Requests.TestCase
TestRequests.settings = settings(max_examples=50, stateful_step_count=30)


@given(st.sets(st.sampled_from(PROXIES)))
def test_what_a_request_has_tried_is_not_chosen_again(tried: set[Proxy]) -> None:
    chosen = ProxyPool(PROXIES).choose(0.0, without=tried)
    assert chosen not in tried
    assert (chosen is None) == (tried == set(PROXIES))


def test_among_equals_the_first_of_the_list_is_chosen() -> None:
    assert ProxyPool(PROXIES).choose(0.0) == PROXIES[0]


def test_a_proxy_that_works_is_kept_and_a_faster_one_is_preferred() -> None:
    pool = ProxyPool(PROXIES[:2], uniform=most)
    pool.succeeded(PROXIES[0], 0.0, 0.5)
    assert pool.choose(1.0) == PROXIES[0]
    pool.succeeded(PROXIES[1], 1.0, 0.1)
    assert pool.choose(2.0) == PROXIES[1]


def test_a_slow_proxy_makes_way_for_one_that_was_never_tried() -> None:
    pool = ProxyPool(PROXIES[:2])
    pool.succeeded(PROXIES[0], 0.0, 5.0)
    assert pool.choose(1.0) == PROXIES[1]


def test_the_fast_proxy_comes_back_some_time_after_a_failure() -> None:
    pool = ProxyPool(PROXIES[:2], uniform=most)
    pool.succeeded(PROXIES[0], 0.0, 0.1)
    pool.succeeded(PROXIES[1], 0.0, 1.0)
    pool.failed(PROXIES[0], 0.0)
    assert pool.choose(5.0) == PROXIES[1]
    assert pool.choose(600.0) == PROXIES[0]


@given(st.integers(1, 3), st.integers(2, 50))
def test_a_proxy_that_always_fails_is_tried_ever_less_often(dead: int, requests: int) -> None:
    pool = ProxyPool(PROXIES[: dead + 1], uniform=most)
    tries = dict.fromkeys(PROXIES, 0)
    for now in range(requests):
        tried: set[Proxy] = set()
        while (chosen := pool.choose(float(now), without=tried)) is not None:
            tried.add(chosen)
            tries[chosen] += 1
            if chosen == PROXIES[dead]:
                pool.succeeded(chosen, float(now), 0.2)
                break
            pool.failed(chosen, float(now))
    assert tries[PROXIES[dead]] == requests
    assert all(tries[proxy] == 1 for proxy in PROXIES[:dead])  # one that works is at hand


def test_a_pool_of_nothing_is_refused() -> None:
    with pytest.raises(ProxiesError, match="at least one"):
        ProxyPool([])
