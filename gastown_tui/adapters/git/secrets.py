"""What looks like a secret, and is therefore never committed by the town."""

from __future__ import annotations

import fnmatch
import re

_NAMES = (
    ".env",
    ".env.*",
    "*.env",
    ".netrc",
    "_netrc",
    ".git-credentials",
    ".pypirc",
    ".htpasswd",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_*_sk",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "credentials",
    "credentials.json",
    "service-account*.json",
    "*.tfstate",
)
_SAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults")
_KEYS = re.compile(
    rb"""
    (?:AKIA|ASIA)[0-9A-Z]{16}\b                       # AWS access key id
    | gh[pousr]_[A-Za-z0-9]{36}                       # GitHub tokens
    | github_pat_[A-Za-z0-9_]{50}
    | glpat-[A-Za-z0-9_-]{20}                         # GitLab
    | sk-ant-[A-Za-z0-9_-]{20}                        # Anthropic
    | sk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{32}         # OpenAI and those who copy it
    | [sr]k_live_[A-Za-z0-9]{20}                      # Stripe
    | xox[abeoprs]-[A-Za-z0-9-]{10}                   # Slack
    | AIza[0-9A-Za-z_-]{35}                           # Google API key
    | npm_[A-Za-z0-9]{36}
    | pypi-AgE[A-Za-z0-9_-]{50}
    | hf_[A-Za-z]{34}                                 # Hugging Face
    | dop_v1_[a-f0-9]{64}                             # DigitalOcean
    | SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}        # SendGrid
    | //[^\s/"']*/:_authToken=[^\s$]{8}               # .npmrc
    | -----BEGIN[ ](?:[A-Z]+[ ]){0,2}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----
    """,
    re.VERBOSE,
)
"""Prefixes and shapes that the issuers of these keys document."""


def secret_name(name: str) -> bool:
    """Whether a file's own name (no folders) is one that secrets are kept under."""
    low = name.lower()
    if low in _SAMPLES:
        return False
    return any(fnmatch.fnmatchcase(low, pattern) for pattern in _NAMES)


def secret_marks(content: bytes) -> set[bytes]:
    """Return what in `content` has the shape of a well-known key."""
    return {found[0] for found in _KEYS.finditer(content)}
