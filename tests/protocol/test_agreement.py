"""Proves that a client's and a server's machine, joined by bytes that are cut anywhere, always agree."""

from typing import Any, Final

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol import (
    ANSWERS,
    MAX_FRAME_TO_CLIENT,
    MAX_FRAME_TO_SERVER,
    TEXT_CHARS,
    Bye,
    Command,
    Error,
    FrameDecoder,
    Hello,
    Join,
    LocalError,
    Machine,
    Message,
    MessageError,
    Ping,
    Pong,
    Post,
    Quit,
    Role,
    State,
    Welcome,
    decode_from_client,
    decode_from_server,
    encode,
    encode_frame,
)
from tests.protocol.samples import FROM_CLIENT, FROM_SERVER, sample
from tests.protocol.streams import drain
from tests.protocol.telling import known

# Few, so that they meet again.
IDS: Final = st.integers(1, 4)
# What ends a connection comes seldom, or hardly any would live long enough to be open.
SELDOM: Final = st.integers(0, 9).map(lambda number: number == 0)
LIMITS: Final = {Role.CLIENT: MAX_FRAME_TO_CLIENT, Role.SERVER: MAX_FRAME_TO_SERVER}
# Requests that no server understands, though the id can be read. A malformed `bye` is not among them: the server
# cannot know that its client has said the last word.
MALFORMED: Final = [(Hello, "nick", ""), (Join, "room", ""), (Post, "text", "\x1b"), (Command, "line", "no slash")]


class Side:
    """One end of a connection: its machine, and the bytes that are on their way to it."""

    def __init__(self, role: Role) -> None:
        self.role = role
        self.machine = Machine(role)
        self.decoder = FrameDecoder(LIMITS[role])
        self.pipe = bytearray()
        self.asked: dict[int, type[Any]] = {}  # what the requests that came here were; Error where that is unknown
        self.pings: list[int] = []  # what the other side waits for a pong to
        self.cut_off = False  # the other side has ended, and sends no more
        self.over = False

    def receive(self, count: int) -> None:
        """Read `count` bytes off the pipe, and tell the machine of every message that they complete."""
        piece, self.pipe[:] = bytes(self.pipe[:count]), self.pipe[count:]
        payloads: list[bytes] = []
        self.decoder.feed(piece)
        assert drain(self.decoder, payloads) is None
        for payload in payloads:
            self._take_in(payload)
        if self.cut_off and not self.pipe and not self.over:
            self.end()

    def _take_in(self, payload: bytes) -> None:
        """Tell the machine of a message; a RemoteError fails the test, for the peer's machine let it go."""
        try:
            message: Any = (decode_from_client if self.role is Role.SERVER else decode_from_server)(payload)
        except MessageError as error:
            assert error.id is not None, "the test sends none without"  # noqa: PT017
            self.machine.received_malformed(error.id)
            self.asked[error.id] = Error
            return
        self.machine.received(message)
        if isinstance(message, Ping):
            self.pings.append(message.id)
        elif type(message) in ANSWERS:
            self.asked[message.id] = type(message)

    def end(self) -> None:
        self.machine.ended()
        self.over = True


class Agreement(RuleBasedStateMachine):
    """Two machines, a pipe each way, and everything that the two sides may do, whether they should or not."""

    def __init__(self) -> None:
        super().__init__()
        self.client = Side(Role.CLIENT)
        self.server = Side(Role.SERVER)

    def send(self, message: Any, by: Side) -> None:
        """Send `message` if the machine lets it go; if it does not, see that it has not changed."""
        to = self.server if by is self.client else self.client
        before = known(by.machine)
        try:
            by.machine.sent(message)
        except LocalError:
            assert known(by.machine) == before
            return
        if not to.over:
            to.pipe += encode_frame(encode(message), LIMITS[to.role])

    @initialize(open=st.booleans())
    def the_connection_may_be_open(self, open: bool) -> None:
        if open:
            self.send(sample(Hello, id=1), self.client)
            self.all_bytes_arrive()
            self.send(sample(Welcome, id=1), self.server)

    @rule(kind=st.sampled_from(FROM_CLIENT), number=IDS)
    def the_client_says_anything(self, kind: type[Any], number: int) -> None:
        self.send(sample(kind, id=number), self.client)

    @rule(kind=st.sampled_from(FROM_SERVER), number=IDS)
    def the_server_says_anything(self, kind: type[Any], number: int) -> None:
        self.send(sample(kind, **({"id": number} if "id" in kind.__struct_fields__ else {})), self.server)

    @rule(kind=st.sampled_from(FROM_CLIENT), number=IDS, last=SELDOM)
    def the_server_says_goodbye_while_a_message_is_on_its_way(self, kind: type[Any], number: int, last: bool) -> None:
        if last:
            self.send(sample(kind, id=number), self.client)
            self.send(sample(Bye), self.server)

    @rule(number=IDS, chars=st.integers(1, TEXT_CHARS))
    def both_sides_say_something_long(self, number: int, chars: int) -> None:
        self.send(sample(Post, id=number, text="x" * chars), self.client)
        self.send(sample(Message, text="x" * chars), self.server)

    @rule(which=st.sampled_from(MALFORMED), number=IDS)
    def the_client_says_something_malformed(self, which: tuple[type[Any], str, str], number: int) -> None:
        kind, field, value = which
        self.send(sample(kind, **{"id": number, field: value}), self.client)

    @precondition(lambda self: self.client.machine.state is State.NEW)
    @rule(number=IDS)
    def the_client_says_hello(self, number: int) -> None:
        self.send(sample(Hello, id=number), self.client)

    @precondition(lambda self: self.server.machine.unanswered)
    @rule(data=st.data(), refused=SELDOM)
    def the_server_answers(self, data: st.DataObject, refused: bool) -> None:
        oldest = self.server.machine.unanswered[0]
        answers = ANSWERS.get(self.server.asked[oldest], ())
        kind = Error if refused or not answers else data.draw(st.sampled_from(answers))
        self.send(sample(kind, id=oldest), self.server)

    @rule(role=st.sampled_from(Role), number=st.integers(1, 2))
    def a_side_pings(self, role: Role, number: int) -> None:
        self.send(sample(Ping, id=number), self.client if role is Role.CLIENT else self.server)

    @precondition(lambda self: self.client.pings or self.server.pings)
    @rule()
    def each_side_answers_a_ping(self) -> None:
        for side in (self.client, self.server):
            if side.pings:
                self.send(sample(Pong, id=side.pings.pop(0)), side)

    @rule(count=st.integers(1, 200))
    def bytes_reach_the_client(self, count: int) -> None:
        self.client.receive(count)

    @rule(count=st.integers(1, 200))
    def bytes_reach_the_server(self, count: int) -> None:
        self.server.receive(count)

    @rule()
    def all_bytes_arrive(self) -> None:
        for side in (self.server, self.client):
            side.receive(len(side.pipe))
        self.agree()

    @precondition(lambda self: not (self.client.over or self.server.over))
    @rule(role=st.sampled_from(Role), ends=SELDOM)
    def the_stream_ends(self, role: Role, ends: bool) -> None:
        if ends:
            one, other = (self.client, self.server) if role is Role.CLIENT else (self.server, self.client)
            one.pipe.clear()
            one.end()
            other.cut_off = True

    @invariant()
    def no_side_holds_more_than_one_frame(self) -> None:
        assert self.client.decoder.held_bytes < 4 + MAX_FRAME_TO_CLIENT
        assert self.server.decoder.held_bytes < 4 + MAX_FRAME_TO_SERVER

    def agree(self) -> None:
        """See that both sides know the same, once nothing is on its way."""
        client, server = self.client.machine, self.server.machine
        assert client.unanswered == server.unanswered
        # Until it has refused it, a server cannot know that what it did not understand was a hello.
        if all(self.server.asked[number] is not Error for number in server.unanswered):
            assert known(client) == known(server)

    def teardown(self) -> None:
        self.all_bytes_arrive()


TestAgreement = Agreement.TestCase
# More than of a plain property, whose examples are one step long: here a mistake takes a few that belong together.
# One mistake shows itself in many ways: the first found is made small, and in seconds, not minutes.
TestAgreement.settings = settings(
    max_examples=2 * settings().max_examples,
    report_multiple_bugs=False,
    phases=[phase for phase in settings().phases if phase is not Phase.explain],
)


def test_a_conversation_takes_both_sides_through_every_state_together() -> None:
    joined, states = Agreement(), []
    conversation = [
        (joined.client, sample(Hello, id=1)),
        (joined.server, sample(Error, id=1)),
        (joined.client, sample(Hello, id=2)),
        (joined.server, sample(Welcome, id=2)),
        (joined.client, sample(Quit, id=3)),
        (joined.server, sample(Bye, id=3)),
    ]
    for side, message in conversation:
        joined.send(message, side)
        joined.all_bytes_arrive()
        states.append(joined.server.machine.state)
    assert states == [State.GREETING, State.NEW, State.GREETING, State.OPEN, State.CLOSING, State.CLOSED]
