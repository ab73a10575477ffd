"""Behind proxies: a client's address is what trusted proxies say, and never what anybody has made up."""

from ipaddress import IPv4Network, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trio_chat.transport.forwarded import HOPS_MAX, client_address, is_loopback, trusted_networks

PROXIES = trusted_networks(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])
PROXY = "127.0.0.1:50000"

proxies = st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fd00::/8")
strangers = (st.ip_addresses(v=4) | st.ip_addresses(v=6)).filter(
    lambda address: (
        not any(address in network for network in PROXIES) and (address.version == 4 or (address.ipv4_mapped is None))
    )
)
made_up = (
    st.text(max_size=60)
    | st.text(alphabet='for=";,\\[]:.1 ', max_size=60)
    | st.lists(strangers.map(str)).map(", ".join)
    | st.lists(strangers.map(lambda address: f"for={address}")).map(", ".join)
)


def shown(address: object) -> str:
    return f"[{address}]" if ":" in str(address) else str(address)


def quoted(address: object) -> str:
    """Write an address as RFC 7239, section 6, wants it."""
    return f'for="[{address}]"' if ":" in str(address) else f"for={address}"


def appended(before: str, hops: list[str]) -> str:
    return ", ".join([before, *hops] if before else hops)


# --- whose word is taken ------------------------------------------------------------------------------


@given(strangers, made_up, made_up)
def test_from_a_stranger_both_headers_are_ignored(stranger: object, one: str, other: str) -> None:
    peer = f"{shown(stranger)}:50000"
    assert client_address(peer, {"x-forwarded-for": one, "forwarded": other}, PROXIES) == peer


@given(made_up, made_up)
def test_where_nobody_is_trusted_nothing_is_believed(one: str, other: str) -> None:
    assert client_address(PROXY, {"x-forwarded-for": one, "forwarded": other}, ()) == PROXY


@given(made_up, strangers, st.lists(proxies, max_size=3), made_up)
def test_the_client_is_the_rightmost_that_is_no_proxy_whatever_it_says_itself(
    before: str, client: object, chain: list[object], other: str
) -> None:
    header = appended(before, [str(hop) for hop in (client, *chain)])
    assert client_address(PROXY, {"x-forwarded-for": header, "forwarded": other}, PROXIES) == shown(client)


@given(strangers, st.lists(proxies, max_size=3), st.lists(strangers))
def test_the_standard_s_header_says_the_same(client: object, chain: list[object], before: list[object]) -> None:
    header = ", ".join(quoted(hop) for hop in (*before, client, *chain))
    assert client_address(PROXY, {"forwarded": header}, PROXIES) == shown(client)


@given(made_up, strangers, st.lists(proxies, max_size=3))
@example('for="', ip_address("2001:db8::1"), [])
@example('for=6.6.6.6, for="', ip_address("192.0.2.1"), [ip_address("10.0.0.1")])
@example('for="\\', ip_address("2001:db8::1"), [])
def test_in_the_standard_s_header_nothing_made_up_is_believed_either(
    before: str, client: object, chain: list[object]
) -> None:
    # Quotes that are left open may make the rest unreadable; then it is a proxy's address that is returned.
    header = appended(before, [quoted(hop) for hop in (client, *chain)])
    assert client_address(PROXY, {"forwarded": header}, PROXIES) in {shown(client), *map(shown, chain), PROXY}


@given(made_up, made_up)
def test_what_is_returned_is_an_address_whatever_comes(one: str, other: str) -> None:
    for headers in ({"x-forwarded-for": one}, {"forwarded": other}):
        found = client_address(PROXY, headers, PROXIES)
        assert found == PROXY or shown(ip_address(found.strip("[]"))) == found


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, PROXY),
        ({"x-forwarded-for": "192.0.2.1"}, "192.0.2.1"),
        ({"x-forwarded-for": "192.0.2.1:4711"}, "192.0.2.1"),
        ({"x-forwarded-for": "[2001:db8::1]:4711"}, "[2001:db8::1]"),
        ({"x-forwarded-for": "2001:DB8::0001"}, "[2001:db8::1]"),
        ({"x-forwarded-for": "::ffff:192.0.2.1"}, "192.0.2.1"),
        ({"x-forwarded-for": "198.51.100.1, 192.0.2.1, 10.1.2.3"}, "192.0.2.1"),
        ({"x-forwarded-for": "10.0.0.2, 10.0.0.1"}, "10.0.0.2"),  # a client that is a proxy itself
        ({"x-forwarded-for": "192.0.2.1, unknown, 10.0.0.1"}, "10.0.0.1"),
        ({"x-forwarded-for": "unknown"}, PROXY),
        ({"x-forwarded-for": ""}, PROXY),
        ({"x-forwarded-for": "192.0.2.1,"}, PROXY),
        ({"x-forwarded-for": "192.0.2.1:port"}, PROXY),
        ({"x-forwarded-for": "[192.0.2.1"}, PROXY),
        ({"x-forwarded-for": "fe80::1%eth0\nINFO forged"}, "[fe80::1]"),
        ({"forwarded": "for=192.0.2.1;proto=https;by=10.0.0.1"}, "192.0.2.1"),
        ({"forwarded": 'For="[2001:db8::1]:4711"'}, "[2001:db8::1]"),
        ({"forwarded": 'proto=https; for="192.0.2.1:80" , for=10.0.0.1'}, "192.0.2.1"),
        ({"forwarded": "for=198.51.100.1, for=_hidden"}, PROXY),
        ({"forwarded": "for=198.51.100.1, proto=https"}, PROXY),
        ({"forwarded": 'for="192.0.2.1'}, PROXY),
        ({"x-forwarded-for": "192.0.2.1", "forwarded": "for=198.51.100.1"}, "192.0.2.1"),
    ],
)
def test_each_way_to_write_an_address_is_read(headers: dict[str, str], address: str) -> None:
    assert client_address(PROXY, headers, PROXIES) == address


def test_a_header_without_end_is_read_up_to_a_bound() -> None:
    hops = ", ".join(["192.0.2.1"] + ["10.0.0.1"] * HOPS_MAX)
    assert client_address(PROXY, {"x-forwarded-for": hops}, PROXIES) == "10.0.0.1"


def test_a_proxy_on_a_socket_of_both_families_is_known_by_its_address() -> None:
    assert client_address("[::ffff:127.0.0.1]:50000", {"x-forwarded-for": "192.0.2.1"}, PROXIES) == "192.0.2.1"


# --- what an operator writes --------------------------------------------------------------------------


def test_an_operator_names_addresses_and_networks() -> None:
    assert trusted_networks([" 10.0.0.0/8", "::1"])[0] == IPv4Network("10.0.0.0/8")


@pytest.mark.parametrize("text", ["", "proxy.example", "10.0.0.1/8", "10.0.0.0/33", "*"])
def test_a_mistake_of_theirs_is_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is no address and no network") as caught:
        trusted_networks(["127.0.0.1", text])
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("peer", "here"),
    [
        ("127.0.0.1:5", True),
        ("127.9.9.9:5", True),
        ("[::1]:5", True),
        ("[::ffff:127.0.0.1]:5", True),
        ("10.0.0.1:5", False),
        ("[fd00::1]:5", False),
        ("memory", False),
    ],
)
def test_what_is_on_this_machine_is_known(peer: str, here: bool) -> None:
    assert is_loopback(peer) is here
