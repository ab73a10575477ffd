"""The session secret on disk: its place, its modes, its creation, and what happens where it cannot be kept."""

import re
import stat
import threading
from pathlib import Path

import pytest

from trio_chat.client.secret import Secret, load_secret, secret_path
from trio_chat.client.url import Address

HERE = Address("localhost", 5002)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's state directory, which does not exist yet."""
    directory = tmp_path / "home" / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(directory))
    return directory


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_is_made_once_and_kept(state: Path) -> None:
    made = load_secret(HERE, "ann")
    assert re.fullmatch("[0-9a-f]{32}", made.session)
    assert made.warning is None
    assert load_secret(HERE, "ann") == made
    assert secret_path(HERE, "ann").is_relative_to(state)


def test_only_the_user_can_read_it() -> None:
    load_secret(HERE, "ann")
    path = secret_path(HERE, "ann")
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert [kept.name for kept in path.parent.iterdir()] == [path.name]


def test_modes_that_somebody_has_widened_are_narrowed_again() -> None:
    made = load_secret(HERE, "ann")
    path = secret_path(HERE, "ann")
    path.chmod(0o644)
    path.parent.chmod(0o755)
    assert load_secret(HERE, "ann") == made
    load_secret(HERE, "bob")
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700


def test_each_server_and_each_nick_has_its_own() -> None:
    addresses = [HERE, Address("localhost", 5003), Address("::1", 5002), Address("../..", 5002)]
    secrets = {load_secret(address, nick).session for address in addresses for nick in ("ann", "bob", "../x", "\ud800")}
    assert len(secrets) == 16


def test_nicks_that_are_one_nick_share_it() -> None:
    assert load_secret(HERE, "Ann") == load_secret(HERE, "ann") == load_secret(HERE, "\uff41nn")


def test_programs_that_start_at_once_get_the_same_secret() -> None:
    found: list[Secret] = []
    start = threading.Barrier(8)

    def load() -> None:
        start.wait()
        found.append(load_secret(HERE, "ann"))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert found[0].warning is None


def test_where_nothing_can_be_written_the_secret_lasts_for_this_run_and_says_so(state: Path) -> None:
    state.parent.mkdir()
    state.write_text("a file where the directory should be")
    made = load_secret(HERE, "ann")
    assert re.fullmatch("[0-9a-f]{32}", made.session)
    assert made.warning is not None
    assert "for this run only" in made.warning
    assert str(secret_path(HERE, "ann")) in made.warning
    assert load_secret(HERE, "ann").session != made.session


@pytest.mark.parametrize("content", ["", "no secret", "0" * 31, "Z" * 32, "\u00e9"])
def test_a_damaged_file_is_left_alone_and_named(content: str) -> None:
    load_secret(HERE, "ann")
    path = secret_path(HERE, "ann")
    path.write_text(content, encoding="utf-8")
    made = load_secret(HERE, "ann")
    assert re.fullmatch("[0-9a-f]{32}", made.session)
    assert made.warning is not None
    assert "delete that file" in made.warning
    assert path.read_text(encoding="utf-8") == content
