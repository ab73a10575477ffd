"""The governor on a given clock: no sequence of turns takes it beyond a limit."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from trio_chat.server.governor import DAY_MS, MINUTE_S, Allowance, Governor, NoTurn

ROOMS = st.sampled_from(["lobby", "den"])
BOTS = st.sampled_from(["sage", "owl", "fox"])
ASKERS = st.none() | st.sampled_from(["ann", "bob"])


class Governed(RuleBasedStateMachine):
    """Bots that ask for turns as they like, and a second book of what was granted."""

    @initialize(
        hops=st.integers(0, 4), room_turns=st.integers(0, 6), asker_turns=st.integers(0, 4), tokens=st.integers(0, 300)
    )
    def begin_with(self, **limits: Any) -> None:
        self.limits = Allowance(**limits)
        self.governor = Governor(self.limits)
        self.now = 0.0
        self.begun: list[tuple[float, str, str | None, int]] = []
        self.speaking: Counter[tuple[str, str]] = Counter()
        self.used: Counter[tuple[str, int]] = Counter()

    @property
    def now_ms(self) -> int:
        return 5 * DAY_MS + int(self.now * 1000)

    @rule(room=ROOMS, bot=BOTS, asker=ASKERS, hops=st.integers(1, 6))
    def ask(self, room: str, bot: str, asker: str | None, hops: int) -> None:
        spent = self.used[room, self.now_ms // DAY_MS]
        try:
            self.governor.begin(room, bot, asker, hops, self.now, self.now_ms)
        except NoTurn:
            return
        assert hops <= self.limits.hops
        assert spent < (self.limits.tokens or 0)
        self.speaking[room, bot] += 1
        self.begun.append((self.now, room, asker, hops))

    @rule(room=ROOMS, bot=BOTS)
    def end(self, room: str, bot: str) -> None:
        self.governor.end(room, bot)
        self.speaking[room, bot] = 0

    @rule(room=ROOMS, tokens=st.integers(0, 200))
    def use(self, room: str, tokens: int) -> None:
        self.governor.use(room, tokens, self.now_ms)
        self.used[room, self.now_ms // DAY_MS] += tokens

    @rule(seconds=st.floats(0, 90) | st.just(DAY_MS / 1000))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.governor.sweep(self.now, self.now_ms)

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        if not hasattr(self, "limits"):
            return
        assert all(count <= 1 for count in self.speaking.values())
        lately = [(room, asker) for at, room, asker, _ in self.begun if self.now - at < MINUTE_S]
        assert all(count <= (self.limits.room_turns or 0) for count in Counter(room for room, _ in lately).values())
        asked = Counter((room, asker) for room, asker in lately if asker is not None)
        assert all(count <= (self.limits.asker_turns or 0) for count in asked.values())


TestGoverned = Governed.TestCase
TestGoverned.settings = settings(deadline=None)


def test_who_waits_as_long_as_told_may_speak() -> None:
    governor = Governor(Allowance(room_turns=2))
    for bot in ("sage", "owl"):
        governor.begin("lobby", bot, None, 1, 10.0, 0)
        governor.end("lobby", bot)
    with pytest.raises(NoTurn, match="2 times a minute") as no:
        governor.begin("lobby", "fox", None, 1, 40.0, 0)
    assert no.value.retry_after_s == 30.0
    governor.begin("lobby", "fox", None, 1, 70.0, 0)


def test_a_refused_turn_counts_nothing() -> None:
    governor = Governor(Allowance(hops=1, room_turns=1))
    with pytest.raises(NoTurn, match="Bots have had one turn since anybody else spoke"):
        governor.begin("lobby", "sage", None, 2, 0.0, 0)
    governor.begin("lobby", "sage", None, 1, 0.0, 0)
    with pytest.raises(NoTurn, match="one turn at a time"):
        governor.begin("lobby", "sage", None, 1, 0.0, 0)


def test_tokens_are_forgotten_at_midnight() -> None:
    governor = Governor(Allowance(tokens=100))
    governor.use("lobby", 100, DAY_MS - 5_000)
    with pytest.raises(NoTurn, match="for today") as no:
        governor.begin("lobby", "sage", None, 1, 0.0, DAY_MS - 5_000)
    assert no.value.retry_after_s == 5.0
    governor.begin("lobby", "sage", None, 1, 5.0, DAY_MS)
