"""What tests of bots share: a provider on 127.0.0.1 is asked directly, whatever proxy the environment names."""

import pytest


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask 127.0.0.1 without a proxy."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
