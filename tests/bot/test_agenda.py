"""What waits while a bot is busy, and how much of it."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from protocol import Presence
from tests.bot.events import said
from trio_chat.bot.agenda import MAX_OTHERS, Agenda, Verdict
from trio_chat.bot.triggers import Cause, Reason


def question(seq: int) -> Cause:
    return Cause(Reason.MENTION, said(seq))


def test_lines_that_come_while_lines_wait_are_answered_together() -> None:
    agenda = Agenda()
    assert agenda.offer(Cause(Reason.LINES)) is Verdict.TAKEN
    assert agenda.offer(Cause(Reason.LINES)) is Verdict.MERGED
    assert agenda.take() == Cause(Reason.LINES)
    assert agenda.take() is None


def test_questions_come_first_and_in_their_order() -> None:
    agenda = Agenda()
    for cause in (Cause(Reason.TIMER), question(1), Cause(Reason.LINES), question(2)):
        assert agenda.offer(cause) is Verdict.TAKEN
    taken = [agenda.take() for _ in range(4)]
    assert taken == [question(1), question(2), Cause(Reason.TIMER), Cause(Reason.LINES)]


def test_a_question_too_many_is_refused_until_one_was_taken() -> None:
    agenda = Agenda(max_questions=2)
    assert [agenda.offer(question(seq)) for seq in (1, 2, 3)] == [Verdict.TAKEN, Verdict.TAKEN, Verdict.REFUSED]
    agenda.take()
    assert agenda.offer(question(4)) is Verdict.TAKEN


def test_a_question_that_was_taken_back_is_forgotten() -> None:
    agenda = Agenda()
    agenda.offer(question(1))
    agenda.offer(question(2))
    agenda.forget(1)
    agenda.forget(99)
    assert agenda.take() == question(2)
    assert agenda.take() is None


def test_what_was_put_back_comes_first_beyond_the_bound() -> None:
    agenda = Agenda(max_questions=1)
    agenda.offer(question(1))
    taken = agenda.take()
    assert taken is not None
    agenda.offer(question(2))
    agenda.put_back(taken)
    assert [agenda.take() for _ in range(3)] == [question(1), question(2), None]
    agenda.put_back(taken)
    agenda.forget(1)
    assert agenda.take() is None


def test_each_who_comes_while_it_is_busy_is_greeted_up_to_a_number() -> None:
    agenda = Agenda()
    coming = [Cause(Reason.ARRIVAL, arrived=Presence("lobby", f"a{n}", f"nick{n}", "joined")) for n in range(20)]
    for cause in coming:
        agenda.offer(cause)
    assert [agenda.take() for _ in range(MAX_OTHERS + 1)] == [*coming[:MAX_OTHERS], None]


def line(seq: int) -> Cause:
    return Cause(Reason.MESSAGE, said(seq))


def test_lines_are_looked_at_one_by_one_behind_the_questions_and_too_many_are_dropped() -> None:
    agenda = Agenda(max_lines=2)
    offered = [line(1), line(2), line(3), question(4), Cause(Reason.TIMER)]
    verdicts = [agenda.offer(cause) for cause in offered]
    assert verdicts == [Verdict.TAKEN, Verdict.TAKEN, Verdict.DROPPED, Verdict.TAKEN, Verdict.TAKEN]
    assert agenda.take() == question(4)
    agenda.forget(1)
    assert agenda.offer(line(5)) is Verdict.TAKEN
    assert [agenda.take() for _ in range(4)] == [line(2), Cause(Reason.TIMER), line(5), None]


def test_neither_many_lines_nor_a_quick_timer_keep_the_other_waiting() -> None:
    agenda = Agenda()
    taken: list[Cause | None] = []
    for seq in range(1, 4):
        agenda.offer(line(seq))
        agenda.offer(line(seq + 10))
        agenda.offer(Cause(Reason.TIMER))
        taken += [agenda.take(), agenda.take()]
    assert taken == [line(1), Cause(Reason.TIMER), line(11), Cause(Reason.TIMER), line(2), Cause(Reason.TIMER)]


def test_cleared_it_is_empty() -> None:
    agenda = Agenda()
    agenda.offer(question(1))
    agenda.offer(line(2))
    agenda.offer(Cause(Reason.TIMER))
    agenda.clear()
    assert agenda.take() is None


causes = st.sampled_from([Cause(Reason.LINES), Cause(Reason.TIMER), *map(question, range(3)), *map(line, range(3))])


@given(st.lists(st.one_of(causes, st.none())), st.integers(1, 3))
def test_never_more_waits_than_the_bound_and_nothing_taken_in_is_lost(
    steps: Sequence[Cause | None], bound: int
) -> None:
    agenda, waiting = Agenda(bound, bound), list[Cause]()
    for step in steps:
        if step is None:
            taken = agenda.take()
            assert (taken is None) == (not waiting)
            if taken is not None:
                waiting.remove(taken)
        elif agenda.offer(step) is Verdict.TAKEN:
            waiting.append(step)
        assert len(waiting) <= 2 * bound + 2
