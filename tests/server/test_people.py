"""Nicks: whose they are, and until when."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from trio_chat.names import NameRefused
from trio_chat.server.people import NICK_HELD_S, NickTaken, People, Person


def arrive(people: People, author: str, nick: str, now: float = 0.0) -> tuple[Person, Any]:
    connection: Any = object()
    person, _ = people.arrive(author, nick, connection, now)
    return person, connection


def test_a_nick_is_held_after_a_loss_and_freed_by_a_bye() -> None:
    people = People()
    ann, connection = arrive(people, "a", "Ann")
    with pytest.raises(NickTaken, match="aNN"):
        arrive(people, "b", "aNN")
    people.depart(ann, connection, 100, polite=False)
    with pytest.raises(NickTaken):
        arrive(people, "b", "ann", 100 + NICK_HELD_S - 1)
    assert people.find("ANN") is ann
    again, connection = arrive(people, "a", "Ann", 200)
    assert again is ann
    people.depart(ann, connection, 300, polite=True)
    assert people.find("ann") is None
    arrive(people, "b", "ann", 300)


def test_after_ten_minutes_a_lost_nick_is_anybodys() -> None:
    people = People()
    ann, connection = arrive(people, "a", "ann")
    people.depart(ann, connection, 0, polite=False)
    bob, _ = arrive(people, "b", "ann", NICK_HELD_S)
    assert people.find("ann") is bob
    assert people.known("a") is None


def test_a_new_nick_frees_the_old_one_at_once() -> None:
    people = People()
    ann, _ = arrive(people, "a", "ann")
    assert people.rename(ann, "anna", 0) == "ann"
    arrive(people, "b", "ann")
    with pytest.raises(NickTaken):
        people.rename(ann, "ANN", 0)
    assert people.rename(ann, "Anna", 0) == "anna"
    assert ann.nick == "Anna"


def test_another_connection_under_another_nick_renames_the_person() -> None:
    people = People()
    arrive(people, "a", "ann")
    one: Any = object()
    person, before = people.arrive("a", "anna", one, 0)
    assert (person.nick, before, len(person.connections)) == ("anna", "ann", 2)


def test_a_refused_nick_changes_nothing() -> None:
    people = People()
    ann, _ = arrive(people, "a", "ann")
    with pytest.raises(NameRefused):
        people.rename(ann, "two words", 0)
    with pytest.raises(NameRefused):
        arrive(people, "b", "#room")
    assert ann.nick == "ann"
    assert people.known("b") is None


def test_sweeping_forgets_only_who_was_lost_long_ago() -> None:
    people = People()
    arrive(people, "a", "ann")
    bob, connection = arrive(people, "b", "bob")
    people.depart(bob, connection, 0, polite=False)
    people.sweep(NICK_HELD_S - 1)
    assert people.known("b") is bob
    people.sweep(NICK_HELD_S)
    assert people.known("b") is None
    assert [person.nick for person in people.online()] == ["ann"]


class NicksAreUnique(RuleBasedStateMachine):
    """Whatever people do, a nick belongs to one of them, and each person has one."""

    def __init__(self) -> None:
        super().__init__()
        self.people = People()
        self.now = 0.0
        self.here: list[tuple[Person, Any]] = []

    @rule(author=st.sampled_from("abc"), nick=st.sampled_from(["ann", "ANN", "bob", "Bob", "eve"]))
    def come(self, author: str, nick: str) -> None:
        try:
            self.here.append(arrive(self.people, author, nick, self.now))
        except NickTaken:
            holder = self.people.find(nick)
            assert holder is not None
            assert holder.author != author

    @rule(which=st.integers(min_value=0, max_value=9), polite=st.booleans())
    def go(self, which: int, polite: bool) -> None:
        if self.here:
            person, connection = self.here.pop(which % len(self.here))
            self.people.depart(person, connection, self.now, polite=polite)

    @rule(which=st.integers(min_value=0, max_value=9), nick=st.sampled_from(["ann", "bob", "eve", "EVE"]))
    def rename(self, which: int, nick: str) -> None:
        if self.here:
            person, _ = self.here[which % len(self.here)]
            try:
                self.people.rename(person, nick, self.now)
            except NickTaken:
                holder = self.people.find(nick)
                assert holder is not None
                assert holder is not person

    @rule(seconds=st.sampled_from([1.0, NICK_HELD_S / 2, NICK_HELD_S]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.people.sweep(self.now)

    @invariant()
    def everybody_is_found_by_nick_and_by_author(self) -> None:
        for person, connection in self.here:
            assert self.people.find(person.nick) is person
            assert self.people.known(person.author) is person
            assert connection in person.connections
        online = list(self.people.online())
        assert len({person.key for person in online}) == len(online)
        assert {person.author for person in online} == {person.author for person, _ in self.here}


TestNicksAreUnique = NicksAreUnique.TestCase
