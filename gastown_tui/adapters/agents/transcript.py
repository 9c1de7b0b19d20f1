"""Tokens and cost of a conversation, from Claude Code's transcript.

`<config>/projects/<cwd with every other character than letters and digits as ->/<id>.jsonl`: one
record a line. A streamed answer is written several times with the same `message.id`; the last
record of an id counts.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

from gastown_tui.domain.agents.catalogue import Price

MAX_LINE: Final = 32 * 1024 * 1024
MAX_READ: Final = 4 * 1024 * 1024
"""Bytes of one call: catching up with a long transcript takes several."""
_SAFE: Final = re.compile(r"[0-9a-fA-F-]{8,64}")


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one answer, or their sum."""

    input: int = 0
    output: int = 0
    cache_write: int = 0
    cache_read: int = 0

    @property
    def total(self) -> int:
        """All tokens, those read from a cache included."""
        return self.input + self.output + self.cache_write + self.cache_read


class _Tokens(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0


class _Message(msgspec.Struct):
    id: str = ""
    model: str = ""
    usage: _Tokens | None = None


class _Line(msgspec.Struct):
    type: str = ""
    isSidechain: bool = False  # noqa: N815 - the transcript's own name: a helper of the agent's
    message: _Message | None = None


_decoder: Final = msgspec.json.Decoder(_Line)


def transcript_path(config: Path, cwd: Path, conversation: str) -> Path:
    """Where the transcript of a conversation is; falls back to wherever one of that id lies."""
    if not _SAFE.fullmatch(conversation):
        return config / "projects" / "none.jsonl"
    folder = re.sub(r"[^A-Za-z0-9]", "-", str(cwd))
    expected = config / "projects" / folder / f"{conversation}.jsonl"
    if expected.exists():
        return expected
    found = sorted((config / "projects").glob(f"*/{conversation}.jsonl"))
    return found[0] if found else expected


class Transcript:
    """Follows one transcript and sums what it cost."""

    def __init__(self, path: Path, prices: list[Price]) -> None:
        self.path = path
        self._prices = sorted(prices, key=lambda price: -len(price.model))
        self._offset = 0
        self._rest = b""
        self._answers: dict[str, tuple[str, Usage]] = {}
        self._newest: tuple[str, Usage] = ("", Usage())

    def read(self) -> bool:
        """Take in what was appended; True when there was something."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(MAX_READ)
        except FileNotFoundError:
            return False
        if not data:
            return False
        self._offset += len(data)
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_LINE:
            self._rest = b""
        for line in lines:
            self._take(line)
        return True

    def _take(self, line: bytes) -> None:
        try:
            record = _decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return  # not an answer, or of a shape that has no usage
        message = record.message
        if record.type != "assistant" or message is None or not message.usage or not message.id:
            return
        tokens = message.usage
        usage = Usage(
            input=max(0, tokens.input_tokens),
            output=max(0, tokens.output_tokens),
            cache_write=max(0, tokens.cache_creation_input_tokens),
            cache_read=max(0, tokens.cache_read_input_tokens),
        )
        self._answers[message.id] = (message.model, usage)
        if not record.isSidechain and usage.total:
            self._newest = (message.model, usage)

    @property
    def context(self) -> int:
        """Tokens that the conversation holds now: what its next turn sends again."""
        return self._newest[1].total

    @property
    def resume_cost(self) -> float:
        """US dollars to send all of it again when no cache holds it any more."""
        model, usage = self._newest
        return self._cost(model, Usage(cache_write=usage.total))

    @property
    def usage(self) -> Usage:
        """The sum over all answers."""
        sums = [usage for _, usage in self._answers.values()]
        return Usage(
            input=sum(usage.input for usage in sums),
            output=sum(usage.output for usage in sums),
            cache_write=sum(usage.cache_write for usage in sums),
            cache_read=sum(usage.cache_read for usage in sums),
        )

    @property
    def cost(self) -> float:
        """US dollars; answers of a model without a price count nothing."""
        return sum(self._cost(model, usage) for model, usage in self._answers.values())

    def _cost(self, model: str, usage: Usage) -> float:
        price = next((price for price in self._prices if model.startswith(price.model)), None)
        if price is None:
            return 0.0
        dollars = (
            usage.input * price.input
            + usage.output * price.output
            + usage.cache_write * price.cache_write
            + usage.cache_read * price.cache_read
        )
        return dollars / 1_000_000
