"""The rules about URLs and addresses, as text, without a connection."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partners.forwarding.addresses import Allowed, Reason, Refused, Target, is_public
from tests.partners.forwarding.literals import NOT_ADDRESSES_OF_OURS, NOT_PUBLIC, PUBLIC


def refusal(url, allow=()):
    try:
        Target.of(url, allow)
    except Refused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_given_an_address_that_is_not_globally_routable_when_judged_then_it_is_not_public(text):
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_given_an_ordinary_address_when_judged_then_it_is_public(text):
    assert is_public(ip_address(text))


@given(st.ip_addresses(v=4))
def test_given_any_ipv4_address_when_hidden_in_an_ipv6_one_then_it_is_never_public(inner):
    number = int(inner)
    hidden = [
        number,  # compatible
        0xFFFF << 32 | number,  # mapped
        0xFFFF << 48 | number,  # translated (SIIT)
        0x64FF9B << 96 | number,  # NAT64
        0x64FF9B0001 << 80 | number,  # NAT64, local
        0x2002 << 112 | number << 80 | 1,  # 6to4
        0x20010000 << 96 | number << 64 | 1,  # Teredo
    ]

    assert not any(is_public(IPv6Address(form)) for form in hidden)


@given(st.ip_addresses())
def test_given_any_address_when_python_calls_it_local_then_it_is_not_public(address):
    local = (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )

    assert not (local and is_public(address))


@pytest.mark.parametrize("host", NOT_ADDRESSES_OF_OURS)
def test_given_a_host_that_is_no_public_name_when_read_then_it_is_refused(host):
    assert refusal(f"https://{host}/hook") is not None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.example/", Reason.SCHEME),
        ("ftp://hooks.example/", Reason.SCHEME),
        ("file:///etc/passwd", Reason.SCHEME),
        ("gopher://hooks.example/", Reason.SCHEME),
        ("//hooks.example/", Reason.SCHEME),
        ("hooks.example", Reason.SCHEME),
        ("https:hooks.example", Reason.NAME),
        ("https:///hook", Reason.NAME),
        ("https://hooks.example:80/", Reason.PORT),
        ("https://hooks.example:22/", Reason.PORT),
        ("https://hooks.example:0/", Reason.PORT),
        ("https://hooks.example:65536/", Reason.MALFORMED),
        ("https://hooks.example:x/", Reason.MALFORMED),
        ("https://x@127.0.0.1/", Reason.USERINFO),
        ("https://hooks.example@127.0.0.1/", Reason.USERINFO),
        ("https://user:password@hooks.example/", Reason.USERINFO),
        ("https://@hooks.example/", Reason.USERINFO),
        ("https://127.0.0.1\\@hooks.example/", Reason.MALFORMED),
        ("https://127.0.0.1\\.hooks.example/", Reason.MALFORMED),
        ("https://127.0.0.1#@hooks.example/", Reason.NAME),
        ("https://127.0.0.1?@hooks.example/", Reason.NAME),
        ("https://hooks.example/\r\nHost: inside", Reason.MALFORMED),
        ("https://ho\toks.example/", Reason.MALFORMED),
        (" https://hooks.example/", Reason.MALFORMED),
        ("https://hooks.example/ü", Reason.MALFORMED),
        ("https://[::1/", Reason.MALFORMED),
        ("https://[::1].example/", Reason.MALFORMED),
        ("https://" + "a." * 127 + "example/", Reason.NAME),
        ("https://hooks.example/" + "a" * 2048, Reason.MALFORMED),
        ("", Reason.MALFORMED),
    ],
)
def test_given_a_url_that_is_not_plain_https_to_a_name_when_read_then_the_reason_says_so(url, reason):
    assert refusal(url) is reason


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "header"),
    [
        ("https://hooks.example", "hooks.example", 443, "/", "hooks.example"),
        ("https://Hooks.Example:443/a?b=c#d", "hooks.example", 443, "/a?b=c", "hooks.example"),
        ("https://hooks.example.:8443/a", "hooks.example", 8443, "/a", "hooks.example:8443"),
        ("https://xn--mnchen-3ya.example/%C3%BC", "xn--mnchen-3ya.example", 443, "/%C3%BC", "xn--mnchen-3ya.example"),
        ("https://a_b.example?x", "a_b.example", 443, "/?x", "a_b.example"),
    ],
)
def test_given_plain_https_to_a_name_when_read_then_it_may_go_out(url, host, port, path, header):
    target = Target.of(url)

    assert (target.host, target.port, target.path, target.host_header) == (host, port, path, header)


@pytest.mark.parametrize(("length", "reason"), [(2048, None), (2049, Reason.MALFORMED)])
def test_given_a_url_of_the_longest_length_when_read_then_one_more_mark_is_too_many(length, reason):
    url = "https://hooks.example/"

    assert refusal(url + "a" * (length - len(url))) is reason


@pytest.mark.parametrize(("length", "reason"), [(253, None), (254, Reason.NAME)])
def test_given_a_host_of_the_longest_length_when_read_then_one_more_mark_is_too_many(length, reason):
    host = ".".join(["a" * 49] * 4) + ".example"

    assert refusal(f"https://{'b' * (length - len(host) - 1)}.{host}/") is reason


@pytest.mark.parametrize(("length", "reason"), [(63, None), (64, Reason.NAME)])
def test_given_a_label_of_the_longest_length_when_read_then_one_more_mark_is_too_many(length, reason):
    assert refusal(f"https://{'a' * length}.example/") is reason


# --- What the operator allows


@pytest.mark.parametrize(
    ("url", "allow"),
    [
        ("http://127.0.0.1:9000/", ["127.0.0.0/8"]),
        ("http://127.0.0.1:9000/", ["127.0.0.1"]),
        ("http://[::1]:9000/", ["::1"]),
        ("http://[fd00::7]/", ["[fd00::7]"]),
        ("http://sink:9000/", ["sink"]),
        ("http://sink.inside.example/", ["Sink.Inside.Example."]),
        ("https://10.0.0.7:444/", ["10.0.0.1/24"]),
    ],
)
def test_given_an_allowed_host_or_network_when_read_then_plain_http_and_any_port_will_do(url, allow):
    assert refusal(url, allow) is None


@pytest.mark.parametrize(
    ("url", "allow", "reason"),
    [
        ("http://127.0.0.2:9000/", ["127.0.0.1"], Reason.SCHEME),
        ("https://127.0.0.2/", ["127.0.0.1"], Reason.NAME),
        ("https://10.0.0.1/", ["sink"], Reason.NAME),
        ("http://other:9000/", ["sink"], Reason.SCHEME),
        ("http://sink.evil.example/", ["sink"], Reason.SCHEME),
        ("http://evil-sink/", ["sink"], Reason.SCHEME),
        ("ftp://127.0.0.1/", ["127.0.0.1"], Reason.SCHEME),
        ("http://x@127.0.0.1/", ["127.0.0.1"], Reason.USERINFO),
        ("http://127.1/", ["127.0.0.0/8"], Reason.NAME),
        ("http://[::ffff:127.0.0.1]/", ["127.0.0.0/8"], Reason.SCHEME),
    ],
)
def test_given_something_else_than_what_is_allowed_when_read_then_it_is_refused(url, allow, reason):
    assert refusal(url, allow) is reason


@pytest.mark.parametrize(
    ("url", "host", "port", "header"),
    [
        ("http://[::1]", "::1", 80, "[::1]"),
        ("http://[::1]:9000/", "::1", 9000, "[::1]:9000"),
        ("https://[::1]:444/", "::1", 444, "[::1]:444"),
        ("http://127.0.0.1:443/", "127.0.0.1", 443, "127.0.0.1:443"),
        ("http://127.0.0.1./", "127.0.0.1", 80, "127.0.0.1"),
    ],
)
def test_given_an_allowed_address_when_read_then_port_and_host_header_are_those_of_the_url(url, host, port, header):
    target = Target.of(url, ["::1", "127.0.0.1"])

    assert (target.host, target.port, target.host_header) == (host, port, header)


def test_given_an_allowed_name_when_it_resolves_inside_then_it_is_admitted_and_other_names_there_are_not():
    inside = ip_address("10.0.0.7")

    assert Target.of("http://sink/", ["sink"]).admits(inside)
    assert not Target.of("https://other.example/", ["sink"]).admits(inside)


def test_given_an_allowed_network_when_a_name_resolves_into_it_then_it_is_admitted_and_its_neighbours_are_not():
    target = Target.of("http://sink:8000/", ["10.0.0.0/30"])

    assert target.admits(IPv4Address("10.0.0.3"))
    assert not target.admits(IPv4Address("10.0.0.4"))
    assert not target.admits(IPv4Address("8.8.8.8"))


def test_given_an_allowed_network_when_a_public_name_is_judged_then_https_to_public_addresses_stays_possible():
    target = Target.of("https://hooks.example/", ["10.0.0.0/30"])

    target.judge([IPv4Address("8.8.8.8"), IPv4Address("10.0.0.1")])
    with pytest.raises(Refused):
        target.judge([IPv4Address("8.8.8.8"), IPv4Address("10.0.0.4")])


def test_when_something_is_refused_then_the_error_says_why_and_not_where():
    with pytest.raises(Refused, match=r"^not_https$"):
        Target.of("http://hooks.example/secret-path")


def test_when_nothing_is_allowed_then_the_list_holds_nothing():
    nothing = Allowed.of([])

    assert not nothing.names
    assert not nothing.holds(ip_address("127.0.0.1"))
