"""The secret filter: what it must find, and what it must leave alone."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.domain.secrets import is_public, secret_name, secrets_in

_WORDS = [
    "loading",
    "indicator",
    "assessment",
    "risk",
    "disk",
    "task",
    "very",
    "long",
    "kebab",
    "case",
    "name",
    "button",
    "primary",
]
_ALNUM = string.ascii_letters + string.digits


def issued(prefix, alphabet, size):
    """A key as its issuer makes it: machine-made characters of one length."""
    body = st.text(alphabet, min_size=size, max_size=size).filter(lambda t: len(set(t)) > size // 3)
    return body.map(lambda text: prefix + text)


KEYS = st.one_of(
    issued("ghp_", _ALNUM, 36), issued("github_pat_", _ALNUM + "_", 60), issued("glpat-", _ALNUM, 20),
    issued("AKIA", string.ascii_uppercase + "234567", 16), issued("xoxb-1234567890-", string.digits, 12),
    issued("sk_live_", _ALNUM, 24), issued("AIza", _ALNUM, 35), issued("npm_", _ALNUM, 36),
    issued("dop_v1_", "0123456789abcdef", 64), issued("hvs.", _ALNUM, 24),
    issued("shpat_", "0123456789abcdef", 32), issued("123456789:AA", _ALNUM, 33),
    issued("sk-ant-api03-", _ALNUM, 40).filter(lambda t: any(c.isdigit() for c in t[8:])),
    issued("-----BEGIN OPENSSH PRIVATE KEY-----\n", _ALNUM + "+/", 64),
    issued("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n", _ALNUM + "+/", 64),
    issued('{"private_key": "-----BEGIN PRIVATE KEY-----\\n', _ALNUM + "+/", 64),
)  # fmt: skip
EDGES = st.sampled_from(["", " ", "'", '"', "=", ": ", "\n", "(", "`", "\t", "\r\n", "@", "|"])


@given(st.binary(max_size=200), EDGES, KEYS, EDGES, st.binary(max_size=200))
def test_an_issued_key_is_found_wherever_it_stands(before, left, key, right, after):
    if any(word in key.lower() for word in ("xxxx", "sample", "example", "dummy", "insert")):
        return
    head = before + (left or " ").encode()
    found = secrets_in(head + key.encode() + (right or " ").encode() + after)
    assert any(one.mark in key.encode() or key.encode()[:20] in one.mark for one in found)
    assert any(one.line >= head.count(b"\n") + 1 for one in found)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("x\ny = 'AKIAZ2QWERTY34ASDFGH'", "an AWS access key"),
        ("api_key: 9f86d081884c7d659a2feaa0c55ad015", "a password or key"),
        ('"clientSecret" => "q7Xk2PzR9mTb4VnC8sLd"', "a password or key"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYq9Zk3TzWpQ", "a password or key"),
        (
            "DATABASE_URL=postgres://app:x7Kq9mZ2pL@db.acme.io:5432/app",
            "an address with a password",
        ),
        ("//registry.acme.io/:_authToken=0f9d8c7b", "a token for a package registry"),
        (
            "eyJhbGciOiJIUzI1NiJ9abcdef.eyJzdWIiOiIxMjM0NTY3.dQw4w9WgXcQ_dQw4w9WgXcQ_dQw4w9WgXcQ",
            "a signed token",
        ),
    ],
)
def test_what_is_found_is_named(text, kind):
    (found,) = secrets_in(text.encode())
    assert (found.kind, found.line) == (kind, text.count("\n") + 1)


@pytest.mark.parametrize(
    "text",
    [
        ".sk-loading-indicator-with-a-long-class-name-2 { color: red }",
        "risk-assessment-of-the-very-long-kebab-case-name-2024",
        "import sklearn  # scikit-learn, not sk-learn",
        "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "ANTHROPIC_API_KEY=sk-ant-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "OPENAI_API_KEY=sk-your-key-goes-here-and-nowhere-else-1234",
        "password = os.environ['DATABASE_PASSWORD_FOR_TESTS_1']",
        "secret: ${{ secrets.PYPI_API_TOKEN_FOR_RELEASES_2 }}",
        "apiKey: process.env.NEXT_PUBLIC_ANALYTICS_KEY_V2,",
        "const accessToken = await this.oauth2Client.getAccessToken(user)",
        "secret_key_base: <%= ENV['SECRET_KEY_BASE'] %>",
        "password: correct horse battery staple 1",
        "api_key_id = 'fee5173a-3972-428e-ae73-cd4c2a371222'",
        "postgres://postgres:postgres@localhost:5432/app_test1",
        "postgres://app:devpassword1@db:5432/app",
        "https://user:password123@example.com/path",
        "//registry.npmjs.org/:_authToken=${NPM_TOKEN}",
        'if b"-----BEGIN PRIVATE KEY-----" in data:',
        "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYD",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1111111",
        '"integrity": "sha512-Zk0ywlkQd3vQZ8S5q8v1XcN1kq4n0Q9c3m1b2v3n4m5k6j7h8g9f0d=="',
        "commit 5f1d7a84db9a6ae4a9d8f1c6d7fd2dc015b54ba0",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
        "xoxb-not-a-real-slack-token",
        "shelf_ghp_notatoken, dapier, glpatience, hvs.",
    ],
)
def test_what_people_write_is_no_secret(text):
    assert secrets_in(text.encode()) == ()


@given(
    st.lists(st.sampled_from(_WORDS), min_size=3, max_size=12), st.sampled_from("-_./"),
    st.sampled_from(["sk-", "api_key: ", "secret = '", "class='sk-", "password=", "xai-", "hf_"]),
)  # fmt: skip
def test_names_of_many_words_are_no_secrets(words, between, before):
    assert secrets_in((before + between.join(words)).encode()) == ()
    camel = words[0] + "".join(word.title() for word in words[1:])
    assert secrets_in((before + camel + "2()").encode()) == ()


@given(
    st.sampled_from(["", "id: ", "sha256:", "commit ", "etag=", "integrity sha512-"]),
    st.uuids(),
    st.binary(min_size=64, max_size=64),
)
def test_hashes_and_ids_are_no_secrets(before, ident, raw):
    assert (
        secrets_in(f"{before}{ident}\n{before}{raw[:20].hex()}\n{before}{raw.hex()}".encode()) == ()
    )


@given(st.binary(max_size=2000))
def test_any_bytes_can_be_looked_at(content):
    for one in secrets_in(content):
        assert one.mark in content
        assert 1 <= one.line <= content.count(b"\n") + 1


@pytest.mark.parametrize(
    "piece",
    [
        b"a",
        b"eyJ",
        b"sk-",
        b"api_key",
        b"-----BEGIN PRIVATE KEY-----\n",
        b"http://a:bbbbbbbbbbb",
        b"secret:  ",
        b"xoxb-1",
        b"token=" + b"a1" * 99,
    ],
)
def test_it_takes_time_in_proportion_to_the_size(piece):
    def seconds(size):
        began = time.process_time()
        secrets_in(piece * (size // len(piece)))
        return time.process_time() - began

    seconds(10_000)
    small = max(seconds(200_000), 0.002)
    assert seconds(1_600_000) < 40 * small


@pytest.mark.parametrize(
    ("name", "secret"),
    [(".env", True), (".ENV.local", True), ("id_rsa", True), ("id_rsa.pub", False), ("a.pem", True),
     (".env.example", False), (".env.sample", False), ("credentials.json.sample", False),
     ("environment.py", False), ("prod.env", True), ("keys.py", False), ("secrets.py", False),
     ("terraform.tfstate", True), ("client_secret_12.apps.json", True), ("monkey.py", False),
     ("config.example.env", False), (".envrc", True)],
)  # fmt: skip
def test_names_of_secrets(name, secret):
    assert secret_name(name) is secret


def test_certificates_are_public_unless_a_key_stands_beside_them():
    assert is_public(b"-----BEGIN CERTIFICATE-----\nMII\n")
    assert not is_public(b"-----BEGIN CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n")
    assert not is_public(b"")
