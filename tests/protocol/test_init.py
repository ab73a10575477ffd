"""Proves that the package shows exactly what it says it does, and that it needs nothing but msgspec."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import protocol

# What a program has that wants the protocol and nothing else. Imports of anything beyond it fail.
LONELY: Final = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {"protocol", "msgspec", *sys.stdlib_module_names}:
            raise ImportError(f"{name} is not installed")

before = set(sys.modules)
sys.meta_path.insert(0, Blocked())
for name in ("trio", "apsw", "hypothesis", "trio_chat"):
    assert name not in sys.modules
    try:
        __import__(name)
    except ImportError:
        continue
    raise AssertionError(f"{name} was not blocked")

import protocol

message = protocol.Ping(id=7)
decoder = protocol.FrameDecoder()
decoder.feed(protocol.encode_frame(protocol.encode(message)))
assert [protocol.decode_from_client(payload) for payload in decoder.take()] == [message]
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))
"""


def test_all_is_exact() -> None:
    public = {
        name for name, value in vars(protocol).items() if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert set(protocol.__all__) == public
    assert len(protocol.__all__) == len(public), "a name stands there twice"


def test_the_protocol_works_where_nothing_but_msgspec_is_installed() -> None:
    root = Path(protocol.__file__).parent.parent
    run = subprocess.run(
        [sys.executable, "-c", LONELY], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.split() == ["msgspec", "protocol"]


def test_the_limits_are_those_of_the_specification() -> None:
    assert protocol.VERSION == 1
    assert (protocol.MAX_FRAME_TO_SERVER, protocol.MAX_FRAME_TO_CLIENT) == (65_536, 1_048_576)
    assert protocol.FRAME_LIMIT_CEILING == 2**24
    assert (protocol.TEXT_CHARS, protocol.NICK_CHARS, protocol.ROOM_CHARS) == (4_000, 32, 64)
    assert (protocol.PAGE_ENTRIES, protocol.PAGE_BYTES) == (500, 256 * 1_024)
