"""What the tests of proxies share: certificates of our own, for sites that speak TLS."""

import ssl

import pytest
import trustme


class Certificates:
    """A site's side of TLS, and the side of a client that trusts it."""

    def __init__(self, name: str) -> None:
        authority = trustme.CA()
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(name).configure_cert(self.server)
        self.client = ssl.create_default_context()
        authority.configure_trust(self.client)


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    """For the site at 127.0.0.1."""
    return Certificates("127.0.0.1")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not asked for 127.0.0.1."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
