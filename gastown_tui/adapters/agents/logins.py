"""How coding agents are logged in, read from their own files; no token leaves this module.

====== =====================================================================================
claude `.credentials.json` (`claudeAiOauth.subscriptionType`) and `settings.json` in
       `$CLAUDE_CONFIG_DIR` or `~/.claude`; `.claude.json` there or in the home (`oauthAccount`,
       `primaryApiKey`); macOS keeps tokens in the keychain, so there the account has to do
codex  `auth.json` in `$CODEX_HOME` or `~/.codex`: `tokens`, `OPENAI_API_KEY`
gemini `settings.json` (`security.auth.selectedType`) and `oauth_creds.json` in `~/.gemini`
opencode `auth.json` in `$XDG_DATA_HOME/opencode`: provider to `type`
====== =====================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.environment import API_KEYS, money
from gastown_tui.domain.doctor.programs import Pays

_LARGEST: Final = 50_000_000
"""Bytes: Claude's own file grows with every project."""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays for an agent."""

    pays: Pays = "unknown"
    detail: str = ""
    config: str = ""
    """The folder of its configuration."""


def login_of(entry: AgentEntry, env: Mapping[str, str], person: Mapping[str, str]) -> Login:
    """How an agent is logged in when a session starts it.

    Args:
        entry: of the catalogue.
        env: what reaches the session of the person's environment.
        person: the whole of it, for HOME.
    """
    home = Path(person.get("HOME") or "/nonexistent")
    reader = _READERS.get(Path(entry.command).name)
    found = reader(home, env) if reader else Login()
    paid = money({**env, **entry.env}, entry.keys)
    if paid != "subscription":
        return Login(pays="key", detail=paid.removeprefix("API key").strip(), config=found.config)
    return found


def _claude(home: Path, env: Mapping[str, str]) -> Login:
    named = env.get("CLAUDE_CONFIG_DIR", "")
    folder = Path(named) if named else home / ".claude"
    config = str(folder)
    state = _json((folder if named else home) / ".claude.json")
    settings = _json(folder / "settings.json")
    given = settings.get("env")
    given = given if isinstance(given, dict) else {}
    for variable, cloud in _CLOUDS.items():
        if str(given.get(variable) or env.get(variable)) in {"1", "true"}:
            return Login(pays="cloud", detail=cloud, config=config)
    for name in API_KEYS:
        if isinstance(given.get(name), str) and given[name]:
            return Login(pays="key", detail=f"{_tail(given[name])} of its settings", config=config)
    if settings.get("apiKeyHelper"):
        return Login(pays="key", detail="of its apiKeyHelper", config=config)
    oauth = _json(folder / ".credentials.json").get("claudeAiOauth")
    if isinstance(oauth, dict) and (oauth.get("accessToken") or oauth.get("refreshToken")):
        return Login(
            pays="subscription", detail=_word(oauth.get("subscriptionType")), config=config
        )
    if isinstance(state.get("oauthAccount"), dict):
        return Login(pays="subscription", config=config)
    key = state.get("primaryApiKey")
    if isinstance(key, str) and key:
        return Login(pays="key", detail=f"{_tail(key)} of its own", config=config)
    return Login(pays="none", config=config)


_CLOUDS: Final = {
    "CLAUDE_CODE_USE_BEDROCK": "Amazon Bedrock",
    "CLAUDE_CODE_USE_VERTEX": "Google Vertex",
    "CLAUDE_CODE_USE_FOUNDRY": "Microsoft Foundry",
}


def _codex(home: Path, env: Mapping[str, str]) -> Login:
    folder = Path(env.get("CODEX_HOME") or home / ".codex")
    found = _json(folder / "auth.json")
    config = str(folder)
    if isinstance(found.get("tokens"), dict) and found.get("auth_mode") != "apikey":
        return Login(pays="subscription", detail="of ChatGPT", config=config)
    key = found.get("OPENAI_API_KEY")
    if isinstance(key, str) and key:
        return Login(pays="key", detail=f"{_tail(key)} of its own", config=config)
    return Login(pays="none", config=config)


def _gemini(home: Path, _env: Mapping[str, str]) -> Login:
    folder = home / ".gemini"
    security = _json(folder / "settings.json").get("security")
    auth = security.get("auth") if isinstance(security, dict) else None
    kind = _word(auth.get("selectedType")) if isinstance(auth, dict) else ""
    if (folder / "oauth_creds.json").is_file():
        return Login(pays="login", detail="Google account", config=str(folder))
    if kind and kind != "oauth-personal":
        return Login(pays="login", detail=kind, config=str(folder))
    return Login(pays="none", config=str(folder))


def _opencode(home: Path, env: Mapping[str, str]) -> Login:
    folder = Path(env.get("XDG_DATA_HOME") or home / ".local" / "share") / "opencode"
    found = [
        f"{_word(name)} ({'API key' if one.get('type') == 'api' else 'account'})"
        for name, one in sorted(_json(folder / "auth.json").items())
        if isinstance(one, dict)
    ]
    if found:
        return Login(pays="login", detail=", ".join(found[:3]), config=str(folder))
    return Login(config=str(folder))  # it has free models, too


_READERS: Final[dict[str, Callable[[Path, Mapping[str, str]], Login]]] = {
    "claude": _claude,
    "codex": _codex,
    "gemini": _gemini,
    "opencode": _opencode,
}


def _tail(key: str) -> str:
    return f"...{key[-4:]}" if len(key) > 8 else ""


def _word(value: object) -> str:
    """A word of a file that may say anything."""
    text = value if isinstance(value, str) else ""
    return "".join(c for c in text if c.isalnum() or c in "-_. ")[:40]


def _json(path: Path) -> dict[str, Any]:
    """A JSON object; empty when it is none, or not there."""
    try:
        with path.open("rb") as file:
            found = msgspec.json.decode(file.read(_LARGEST))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
