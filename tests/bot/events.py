"""Short ways to write down events for tests."""

from protocol import Message

ME = "author-of-the-bot"


def said(
    seq: int,
    text: str = "hello",
    nick: str = "ann",
    *,
    bot: bool = False,
    command: str | None = None,
    action: bool = False,
    reply_to: int | None = None,
    redacted: bool = False,
    room: str = "lobby",
    author: str | None = None,
    asks: str | None = None,
) -> Message:
    """Return a message; its author follows from the nick: ``sage`` is the bot, whom every ``/search`` asks."""
    return Message(
        room=room,
        seq=seq,
        at=1_700_000_000_000 + seq * 1_000,
        author=author or (ME if nick == "sage" else f"author-of-{nick}"),
        nick=nick,
        text=text,
        bot=bot or nick == "sage",
        command=command,
        action=action,
        reply_to=reply_to,
        redacted=redacted,
        asks=ME if command == "search" and asks is None else asks,
    )
