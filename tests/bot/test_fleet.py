"""Many bots in one process: what a file of them may say, and that the crash of one is no other's."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tests.bot.room import ScriptedModel
from trio_chat.bot import BotConfig, BotConfigError, read_bots, run_bot, run_bots
from trio_chat.client import Dial, Refused, open_client
from trio_chat.server import ServerConfig, open_server


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "bots.toml"
    file.write_text(text)
    return file


def test_a_file_holds_bots_and_what_they_have_in_common(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-1\n")
    file = write(
        tmp_path,
        f"""
        model = "small"
        room = "python"
        [[bot]]
        nick = "sage"
        every_lines = 5
        every_seconds = 600
        greet = true
        [[bot]]
        nick = "owl"
        room = "lobby"
        model = "markov"
        api_key_file = "{tmp_path / "key"}"
        """,
    )
    sage, owl = read_bots(file, BotConfig(persona="kind"))
    assert (sage.nick, sage.model, sage.room, sage.every_lines, sage.every_seconds, sage.greet, sage.persona) == (
        "sage", "small", "python", 5, 600, True, "kind",
    )  # fmt: skip
    assert (owl.nick, owl.model, owl.room, owl.api_key) == ("owl", "markov", "lobby", "sk-1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"no bot in .*bots\.toml: write a table \[\[bot\]\]"),
        ("bot = 5", "no bot in"),
        ('bot = ["sage"]', "no bot in"),
        ("[[bot]", "not valid TOML"),
        ("[[bot]]\nevery_line = 5", "a setting that there is not: every_line"),
        ('[[bot]]\nevery_lines = "5"', "is wrong: every_lines has to be a whole number, not a text in quotes."),
        ("[[bot]]\nevery_lines = 0", r"every 0 lines: give --every-lines 1 or more\.$"),
        ("[[bot]]\ncatch_up = -1", "0 to 100,000 lines"),
        ("[[bot]]\nanswer_s = nan", "cannot take nan seconds"),
        ('[[bot]]\nnick = "a"\n[[bot]]\nnick = "A"', "Two bots .* are called a"),
        ('[[bot]]\nnick = "sage"\n[[bot]]\nnick = "\uff53\uff41\uff47\uff45"', "Two bots .* are called sage"),
        ('[[bot]]\nnick = "the sage"', "The bot the sage in .* cannot come in: A nick holds no spaces"),
        ('[[bot]]\nroom = "tea room"', "The bot sage in .* cannot come in: A room's name holds no spaces"),
        ('[[bot]]\nroom = ""', "The bot sage in .* cannot come in: "),
        ('[[bot]]\nsession = "secret"', r"The session is no secret of a bot: give 32 hex digits"),
        ('[[bot]]\nsession = "%s"' % ("A" * 32), "The session is no secret of a bot"),
        ('[[bot]]\napi_key_file = "/nowhere"', "The file with the key cannot be read"),
    ],
)
def test_what_makes_no_bot_is_said_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BotConfigError, match=says):
        read_bots(write(tmp_path, text), BotConfig())
    with pytest.raises(BotConfigError, match="cannot be read"):
        read_bots(tmp_path / "missing.toml", BotConfig())


async def _go_wrong() -> None:
    raise ValueError("sk-secret")


@pytest.mark.autojump
async def test_one_that_crashes_is_started_anew_and_disturbs_no_other() -> None:
    starts: list[tuple[str, float]] = []
    reports: list[str] = []

    async def run(bot: BotConfig, *, dial: Dial | None, report: Any) -> None:
        starts.append((bot.nick, trio.current_time()))
        await trio.lowlevel.checkpoint()
        match bot.nick:
            case "crashes":
                raise ZeroDivisionError("sk-secret")
            case "groups":
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_go_wrong)
            case "refused":
                raise Refused("nick_taken", "The nick is taken.")
            case "cannot":
                raise BotConfigError("There is no key.")
            case "ends":
                return
        report("works")
        await trio.sleep_forever()

    bots = [BotConfig(nick=nick) for nick in ("crashes", "groups", "refused", "cannot", "ends", "works")]
    with trio.move_on_after(300):
        await run_bots(bots, report=reports.append, run=run)
    times = {bot.nick: [at for nick, at in starts if nick == bot.nick] for bot in bots}
    assert len(times["works"]) == len(times["cannot"]) == 1
    for nick in ("crashes", "groups", "refused", "ends"):
        waits = [after - before for before, after in zip(times[nick], times[nick][1:], strict=False)]
        assert 15 < len(waits) < 200
        assert max(waits) <= 15
    assert "cannot: it cannot run: There is no key." in reports
    assert "works: works" in reports
    for nick, fault in (("crashes", "ZeroDivisionError"), ("groups", "ValueError")):
        crash = re.compile(rf"{nick}: it crashed \({fault} at test_fleet\.py:\d+\); starting it anew in \S+ s")
        assert any(map(crash.fullmatch, reports))
    assert "sk-secret" not in "".join(reports)


@pytest.mark.autojump
async def test_bots_in_one_process_all_answer() -> None:
    async with open_server(ServerConfig(port=0, store="memory:")) as server, trio.open_nursery() as nursery:
        bots = [BotConfig(nick=f"bot{number}", session=f"{number:032x}") for number in range(10)]
        run = partial(run_bot, model=ScriptedModel("here"))
        nursery.start_soon(partial(run_bots, bots, dial=server.dial, report=lambda line: None, run=run))
        async with open_client(nick="ann", session="f" * 32, dial=server.dial) as ann:
            await ann.join("lobby")
            await trio.testing.wait_all_tasks_blocked()
            assert (await ann.members("lobby")).count == 11
            await ann.post("lobby", " ".join(bot.nick for bot in bots))
            answered = set()
            async for event in ann:
                if getattr(event, "text", None) == "here":
                    answered.add(getattr(event, "nick", ""))
                    if len(answered) == 10:
                        break
        nursery.cancel_scope.cancel()
