"""How agents are logged in, as their own files say; and never a secret in the answer."""

from __future__ import annotations

import json

import pytest

from gastown_tui.adapters.agents.catalogue_files import shipped_entries
from gastown_tui.adapters.agents.logins import login_of
from gastown_tui.domain.agents.catalogue import load_entries

ENTRIES = load_entries(shipped_entries(), {})
SECRET = "sk-ant-very-secret-1234"


def give(home, files):
    for name, value in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value))


@pytest.mark.parametrize(
    ("agent", "files", "pays", "detail"),
    [
        ("claude", {}, "none", ""),
        ("claude", {".claude/.credentials.json": {"claudeAiOauth": {
            "accessToken": SECRET, "subscriptionType": "max"}}}, "subscription", "max"),
        ("claude", {".claude.json": {"oauthAccount": {"emailAddress": "a@b"}}},
         "subscription", ""),
        ("claude", {".claude.json": {"primaryApiKey": SECRET}}, "key", "...1234 of its own"),
        ("claude", {".claude/settings.json": {"env": {"ANTHROPIC_API_KEY": SECRET}}},
         "key", "...1234 of its settings"),
        ("claude", {".claude/settings.json": {"apiKeyHelper": "get-key"}},
         "key", "of its apiKeyHelper"),
        ("claude", {".claude/settings.json": {"env": {"CLAUDE_CODE_USE_BEDROCK": "1"}}},
         "cloud", "Amazon Bedrock"),
        ("claude", {".claude/settings.json": "[", ".claude.json": "\xff"}, "none", ""),
        ("codex", {}, "none", ""),
        ("codex", {".codex/auth.json": {"OPENAI_API_KEY": None, "tokens": {"id_token": SECRET}}},
         "subscription", "of ChatGPT"),
        ("codex", {".codex/auth.json": {"auth_mode": "apikey", "OPENAI_API_KEY": SECRET,
                                        "tokens": None}}, "key", "...1234 of its own"),
        ("gemini", {".gemini/oauth_creds.json": "{}"}, "login", "Google account"),
        ("gemini", {".gemini/settings.json": {"security": {"auth": {
            "selectedType": "gemini-api-key\x1b[2J"}}}}, "login", "gemini-api-key2J"),
        ("opencode", {".local/share/opencode/auth.json": {"anthropic": {"type": "oauth"}}},
         "login", "anthropic (account)"),
        ("aider", {}, "unknown", ""),
    ],
)  # fmt: skip
def test_who_pays(tmp_path, agent, files, pays, detail):
    give(tmp_path, files)
    found = login_of(ENTRIES[agent], {}, {"HOME": str(tmp_path)})
    assert (found.pays, found.detail) == (pays, detail)
    assert SECRET not in repr(found)


def test_a_key_that_reaches_the_agent_pays(tmp_path):
    give(tmp_path, {".claude.json": {"oauthAccount": {}}})
    home = {"HOME": str(tmp_path)}
    assert login_of(ENTRIES["claude"], {}, home | {"ANTHROPIC_API_KEY": SECRET}).pays != "key"
    found = login_of(ENTRIES["claude"], {"ANTHROPIC_API_KEY": SECRET}, home)
    assert (found.pays, found.detail) == ("key", "...1234")


def test_the_config_folder_is_the_one_that_is_set(tmp_path):
    give(tmp_path, {"own/.claude.json": {"oauthAccount": {}}})
    own = str(tmp_path / "own")
    found = login_of(ENTRIES["claude"], {"CLAUDE_CONFIG_DIR": own}, {"HOME": str(tmp_path)})
    assert (found.pays, found.config) == ("subscription", own)
