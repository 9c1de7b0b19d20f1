"""The environment of an agent: built from a list, never inherited.

A daemon keeps the environment of whichever terminal started it, and a stray API key in a shell
silently bills a dozen agents. So every session gets exactly this:

=========================== ==========================================================
where from                  variables
=========================== ==========================================================
set by us                   `PATH` (our commands first), `TERM`, `COLORTERM`, `TMPDIR`,
                            `GASTOWN_TOWN`, `_RIG`, `_ROLE`, `_AGENT`, `_BEAD`, `_RUN`,
                            `_SLOT`, `_HOOKS`, `BD_ACTOR`
set by git's guard, set-up  what the caller adds: `GIT_CEILING_DIRECTORIES`, hooks path,
                            `GASTOWN_PORT_BASE`, `COMPOSE_PROJECT_NAME`
the person's, as it is      `PASSED` and what starts with one of `PASSED_PREFIXES`
the catalogue's `env`       as written
the person's, when named    `env_pass`
`env_file`, rig and entry   as written there
=========================== ==========================================================

The person's environment is that of the client that attached last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PASSED: Final = (
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "SSH_AUTH_SOCK",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "CLAUDE_CONFIG_DIR",
    "CODEX_HOME",
)
"""Variables of the person's environment that every agent gets, when they are set."""
PASSED_PREFIXES: Final = ("LC_", "XDG_")
DEFAULT_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
API_KEYS: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")


def inherited(person: Mapping[str, str]) -> dict[str, str]:
    """The part of a person's environment that every agent gets, `PATH` apart."""
    return {
        name: value
        for name, value in person.items()
        if name in PASSED or name.startswith(PASSED_PREFIXES)
    }


def path_with(ours: str, path: str) -> str:
    """A `PATH` that finds `ours` (folders, as in PATH) first, each once; empty parts are dropped.

    An empty part means the current folder, which an agent's repository could fill.
    """
    parts = [*ours.split(":"), *(path or DEFAULT_PATH).split(":")]
    return ":".join(dict.fromkeys(part for part in parts if part.startswith("/")))


def money(env: Mapping[str, str], keys: tuple[str, ...] | list[str] = API_KEYS) -> str:
    """What pays for an agent with this environment: `subscription` or `API key ...1234`."""
    for name in keys:
        if value := env.get(name):
            return f"API key ...{value[-4:]}" if len(value) > 8 else "API key"
    return "subscription"
