"""What looks like a secret, and is therefore never committed by the town.

Two kinds of error cost differently: a key in a commit is a key lost, a file that is left out of a
commit is a red gate and a sentence to the overseer. So shapes that an issuer documents count
wherever they stand, unless they are plainly examples; anything else needs a name that says so, and
a value that nobody would write by hand.
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections import Counter
from typing import Final, NamedTuple

_NAMES: Final = (
    ".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".git-credentials", ".pypirc",
    ".htpasswd", ".pgpass", ".my.cnf", ".vault-token", "id_rsa", "id_dsa", "id_ecdsa",
    "id_ed25519", "id_*_sk", "*.pem", "*.key", "*.p12", "*.pfx", "*.p8", "*.jks", "*.keystore",
    "*.kdbx", "*.ovpn", "*.ppk", "credentials", "credentials.json", "client_secret*.json",
    "service-account*.json", "*.tfstate", "*.tfstate.backup", "*.auto.tfvars", "kubeconfig",
)  # fmt: skip
_SAMPLES: Final = re.compile(r".*(?:example|sample|template|dist|defaults|schema)s?(?:\.\w+)?")
"""Files that show what a secret file looks like: `.env.example`, `credentials.json.sample`."""

_BLOCK: Final = (
    rb"-----BEGIN (?:[A-Z0-9]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[\s\"'+]){0,12}"
    rb"(?:[A-Z][A-Za-z-]{2,20}: [^\r\n]{0,80}\s{1,4}){0,4}[A-Za-z0-9+/]{32}"
)
"""The header of a key with the beginning of one: code that reads keys has the header alone."""
_SHAPES: Final = (
    ("a private key", "-----BEGIN", _BLOCK),
    ("a private key of age", "AGE-SECRET-", rb"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    ("an AWS access key", "AKIA ASIA", rb"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    ("a GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", rb"gh[pousr]_[A-Za-z0-9]{36}"),
    ("a GitHub token", "github_pat_", rb"github_pat_[A-Za-z0-9_]{50}"),
    ("a GitLab token", "gl", rb"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_-]{20}"),
    ("an Anthropic key", "sk-ant-", rb"sk-ant-[A-Za-z0-9_-]{20,}"),
    ("an OpenAI key", "sk-", rb"sk-(?!ant-)(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{32,}"),
    ("a Stripe key", "k_live_ whsec_", rb"[sr]k_live_[A-Za-z0-9]{20}|whsec_[A-Za-z0-9+/]{32}"),
    ("a Slack token", "xox", rb"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("a Slack token", "xapp-", rb"xapp-\d-[A-Za-z0-9-]{20}"),
    ("a Slack address to post to", "hooks.slack.com",
     rb"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{20,}"),
    ("a Google key", "AIza", rb"AIza[0-9A-Za-z_-]{35}"),
    ("a Google key", "GOCSPX- ya29.", rb"GOCSPX-[0-9A-Za-z_-]{28}|ya29\.[0-9A-Za-z_-]{40}"),
    ("an npm token", "npm_", rb"npm_[A-Za-z0-9]{36}"),
    ("a token for a package registry", ":_authToken", rb"//[^\s/\"']*/:_authToken=[^\s$]{8,}"),
    ("a PyPI token", "pypi-AgE", rb"pypi-AgE[A-Za-z0-9_-]{50}"),
    ("a Docker token", "dckr_", rb"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27}"),
    ("a Hugging Face token", "hf_", rb"hf_[A-Za-z]{34}(?![A-Za-z])"),
    ("a DigitalOcean token", "_v1_", rb"do[opr]_v1_[a-f0-9]{64}"),
    ("a SendGrid key", "SG.", rb"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("a Vault token", "hvs. hvb. hvr.", rb"hv[sbr]\.[A-Za-z0-9_-]{24,}"),
    ("a Shopify token", "shp", rb"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    ("a Databricks token", "dapi", rb"dapi[0-9a-f]{32}(?![0-9a-f])"),
    ("a key of a model provider", "gsk_ xai- pplx- r8_",
     rb"(?:gsk_|xai-|pplx-|r8_)[A-Za-z0-9]{37,}"),
    ("a Telegram token", ":AA", rb"\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    ("a signed token", "eyJ", rb"eyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{30,}"),
)  # fmt: skip
"""Name, words of which one must occur, shape: as the issuers of these keys document them."""
_ISSUED: Final = tuple(
    (kind, tuple(words.encode().split()), re.compile(rb"(?<![A-Za-z0-9_-])(?:" + shape + rb")"))
    for kind, words, shape in _SHAPES
)
_KEYWORDS: Final = (b"passw", b"passphrase", b"secret", b"key", b"token")
"""One of them is in each name that `_NAMED` knows."""
_NAMED: Final = re.compile(
    rb"""(?:passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|
    auth[_-]?token|access[_-]?token|refresh[_-]?token)[\w-]{0,30}["']?\s{0,4}(?::=|=>|[:=])\s{0,4}
    ["']?([a-z0-9+/=_.~!@\#%^&*-]{20,200})""",
    re.VERBOSE,
)
_ADDRESS: Final = re.compile(
    rb"[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'<>]{1,80}:([^\s:/@\"'<>{}$()]{8,200})@([\w.-]{1,200})",
    re.IGNORECASE,
)
_EXAMPLES: Final = re.compile(
    rb"example|sample|dummy|placeholder|changeme|change-me|change_me|redacted|notreal|not-real|"
    rb"your[_-]|insert|replace|xxxx|\.\.\.|SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    re.IGNORECASE,
)
"""Words of documentation, and the token that everybody quotes."""
_NO_SECRET: Final = re.compile(
    rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[\w.-]+\.[a-z]{2,}(?:/.*)?"
)
"""An id made by a machine, and a host: names of things."""
_NEARBY: Final = re.compile(
    rb"localhost|127\.|10\.|192\.168\.|host\.docker|[^.]+$|.*\.(?:local|test|example|invalid|localhost)$"
    rb"|(?:.*\.)?example\.(?:com|org|net)$",
    re.IGNORECASE,
)
"""Hosts whose password is a developer's own, if it is one at all."""
_FEW: Final = 4
"""Different characters below which a value is a row of x."""
_DIGITS: Final = 2
"""Digits from which a long token is no name in camel case."""
_BETWEEN: Final = rb"[-_./:=~!@#%^&*+]+"
_BETWEEN_CAMEL: Final = _BETWEEN + rb"|(?<=[a-z])(?=[A-Z])"
_RANDOM_BITS: Final = 3.5
"""Bits of entropy a character from which a value was made by a machine; words have less."""


class Secret(NamedTuple):
    """Something in a file that looks like a secret."""

    kind: str
    line: int
    """From 1."""
    mark: bytes
    """The very bytes, to be known again."""


def secret_name(name: str) -> bool:
    """Whether a file's own name (no folders) is one that secrets are kept under."""
    low = name.lower()
    if _SAMPLES.fullmatch(low):
        return False
    return any(fnmatch.fnmatchcase(low, pattern) for pattern in _NAMES)


def is_public(content: bytes) -> bool:
    """Whether a file with the name of a secret holds certificates and public keys alone."""
    heads = set(re.findall(rb"-----BEGIN ([A-Z0-9 ]+)-----", content))
    return bool(heads) and all(b"PRIVATE" not in head for head in heads)


def secrets_in(content: bytes) -> tuple[Secret, ...]:
    """What in a file's content looks like a secret, in the order in which it stands there."""
    found: dict[int, tuple[str, bytes]] = {}
    addresses = _ADDRESS.finditer(content) if b"://" in content and b"@" in content else ()
    for one in addresses:
        if _is_made_up(one[1]) and not _NEARBY.match(one[2]):
            found[one.start()] = ("an address with a password", one[0])
    low = content.lower()
    named = _NAMED.finditer(low) if any(word in low for word in _KEYWORDS) else ()
    for hit in named:
        value = content[hit.start(1) : hit.end(1)]
        if _is_made_up(value) and not _is_code(content, hit.end(), value):
            found[hit.start(1)] = ("a password or key", value)
    for kind, words, shape in _ISSUED:
        if any(word in content for word in words):
            for one in shape.finditer(content):
                if _is_issued(one[0]):
                    found[one.start()] = (kind, one[0])
    secrets: list[Secret] = []
    at, line = 0, 1
    for start, (kind, mark) in sorted(found.items()):
        line += content.count(b"\n", at, start)
        at = start
        secrets.append(Secret(kind, line, mark))
    return tuple(secrets)


def _is_issued(token: bytes) -> bool:
    """Whether a token of a known shape is no example, and no words that happen to begin like it."""
    if token.startswith(b"-----"):
        return True
    if _EXAMPLES.search(token) or len(set(token[8:])) < _FEW:
        return False
    if token.startswith(b"hf_"):  # letters alone: half of them are capitals, in a name a seventh
        return 4 * len(re.findall(rb"[A-Z]", token)) >= len(token)
    digits = len(re.findall(rb"\d", token[4:]))
    if token.startswith((b"sk-", b"xox", b"xai-", b"pplx-")):
        # A class or a name of many words may begin like this; keys of this length have digits.
        return digits > 0 and not _is_words(token, camel=digits < _DIGITS)
    return True


def _is_made_up(value: bytes) -> bool:
    """Whether a machine made a value: letters and digits in no order that a person would write."""
    if _EXAMPLES.search(value) or _NO_SECRET.fullmatch(value):
        return False
    if _is_words(value) or len(set(value)) < _FEW:
        return False
    has = [re.search(kind, value) is not None for kind in (rb"[a-z]", rb"[A-Z]", rb"\d")]
    is_hex = re.fullmatch(rb"[0-9a-f]{32,}|[0-9A-F]{32,}", value) is not None
    least = 3.0 if is_hex else min(_RANDOM_BITS, 0.85 * math.log2(len(value)))
    return _bits(value) >= least and (is_hex or (sum(has) >= 2 and has[2]))


def _is_words(value: bytes, *, camel: bool = True) -> bool:
    """Whether it is words with something between them: a path, a name, a class, an expression."""
    parts = re.split(_BETWEEN_CAMEL if camel else _BETWEEN, value)
    long = [part for part in parts if len(part) >= 3]
    letters = sum(len(part) for part in long if part.isalpha())
    return letters >= 0.6 * len(value) and len(long) >= 2


def _is_code(content: bytes, end: int, value: bytes) -> bool:
    """Whether a value is a call or a member, or goes on: nothing that is a secret by itself."""
    after = content[end : end + 1]
    return (
        after in (b"(", b"[", b"{", b"$", b"<")
        or re.fullmatch(rb"[a-zA-Z_]\w*(\.\w+)+", value) is not None
    )


def _bits(value: bytes) -> float:
    """Entropy of its characters, in bits for each."""
    many = len(value)
    return -sum(n / many * math.log2(n / many) for n in Counter(value).values())
