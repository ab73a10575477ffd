"""What an operator writes of hooks: tables in the configuration file, and a sentence for each mistake."""

import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest

from tests.server.asking_http import HOOK
from trio_chat.server import ConfigError, load_config
from trio_chat.server.hooks import IDENTITY, Hook, hook_table, new_token

OTHER = Hook("u" * 40, "deploys", "ci")


def test_tokens_are_made_long_and_differ() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert len(new_token()) == 43


def test_a_new_hook_is_a_table_for_the_configuration_file() -> None:
    made = Hook(new_token(), "#Straße", "Zoë")
    assert tomllib.loads(hook_table(made)) == {"hook": [msgspec.structs.asdict(made)]}


def test_no_session_can_stand_for_the_identity_of_a_hook() -> None:
    # Sessions are hashed too, and have 16 bytes, which a client chooses.
    assert len(IDENTITY) > len(bytes.fromhex("0" * 32))


def test_hooks_stand_in_the_configuration_file(tmp_path: Path) -> None:
    path = tmp_path / "chat.toml"
    path.write_text("port = 0\n" + hook_table(HOOK) + hook_table(OTHER), encoding="utf-8")
    assert load_config(path, {}).hooks == (HOOK, OTHER)


@pytest.mark.parametrize(
    ("wrong", "because"),
    [
        ({"token": "short"}, "32 to 128"),
        ({"token": "ü" * 40}, "new-hook"),
        ({"room": "~x"}, "~"),
        ({"room": "#"}, "named"),
        ({"nick": "a b"}, "spaces"),
        ({"nick": "Server"}, "operator"),
        ({"nik": "x"}, "nik"),
    ],
)
def test_a_mistake_in_a_hook_is_one_sentence_without_the_token(wrong: dict[str, str], because: str) -> None:
    with pytest.raises(ConfigError, match=because) as caught:
        load_config(None, {"hook": [{**msgspec.structs.asdict(HOOK), **wrong}]})
    assert "\n" not in str(caught.value)
    assert HOOK.token not in str(caught.value)
    assert "short" not in str(caught.value)


def test_two_hooks_with_one_token_are_a_mistake() -> None:
    with pytest.raises(ConfigError, match="same token") as caught:
        load_config(None, {"hook": [msgspec.structs.asdict(one) for one in (HOOK, OTHER, HOOK)]})
    assert HOOK.token not in str(caught.value)


def new_hook(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trio_chat.server", "new-hook", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_line_makes_a_table_to_append_and_says_how_to_use_it(tmp_path: Path) -> None:
    made = new_hook("builds", "--nick", "ci")
    path = tmp_path / "chat.toml"
    path.write_text(made.stdout)
    (hook,) = load_config(path, {}).hooks
    assert (made.returncode, hook.room, hook.nick) == (0, "builds", "ci")
    assert f"curl -d 'Hello!' http://127.0.0.1:5002/hooks/{hook.token}" in made.stderr


def test_the_command_line_makes_no_hook_that_cannot_be() -> None:
    made = new_hook("#", "ci")
    assert (made.returncode, made.stdout) == (2, "")
    assert made.stderr.startswith("trio_chat: a hook cannot be named so")
