"""Claude Code's own record of a running session: `<config>/sessions/<pid>.json`.

The record is undocumented, so every field is optional here. It outlives a crash, and process ids
come round again: a record counts only when its `procStart` is the start time of the process that
has the id now (field 22 of `/proc/<pid>/stat`; elsewhere, that the record is younger than the
process).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import psutil

from gastown_tui.domain.agents.state import RegistryRecord

_HAS_PROC: Final[bool] = Path("/proc/self/stat").exists()
MAX_RECORD: Final = 64 * 1024
"""Bytes; a longer record is not read."""


class _Record(msgspec.Struct, kw_only=True, rename="camel"):
    pid: int = 0
    session_id: str = ""
    proc_start: str | int = ""
    started_at: float = 0
    status: str = ""
    waiting_for: str | None = None
    status_updated_at: float = 0
    version: str = ""


_decoder: Final = msgspec.json.Decoder(_Record)


def config_folder(env: Mapping[str, str]) -> Path:
    """Where a Claude with this environment keeps its configuration."""
    configured = env.get("CLAUDE_CONFIG_DIR", "")
    return Path(configured) if configured else Path(env.get("HOME", "~")).expanduser() / ".claude"


def proc_start(pid: int) -> str:
    """Start time of a process as the kernel counts it; empty when there is none.

    The name of a program stands in brackets and may hold blanks and brackets itself, so fields are
    counted after the last bracket.
    """
    try:
        data = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    fields = data[data.rfind(b")") + 2 :].split()
    return fields[19].decode() if len(fields) > 19 else ""


class ClaudeRegistry:
    """Reads the records of one configuration folder; what did not change is not read again."""

    def __init__(self, config: Path) -> None:
        self.folder = config / "sessions"
        """The folder to watch."""
        self._seen: dict[int, tuple[tuple[int, int, int], RegistryRecord | None]] = {}

    def read(self, pid: int) -> RegistryRecord | None:
        """The record of a process, or None when there is none or it makes no sense."""
        path = self.folder / f"{pid}.json"
        try:
            status = path.stat()
            mark = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._seen.get(pid)
            if known and known[0] == mark:
                return known[1]
            data = path.read_bytes() if status.st_size <= MAX_RECORD else b""
        except OSError:
            self._seen.pop(pid, None)
            return None
        record = _record(pid, data)
        self._seen[pid] = (mark, record)
        return record

    def find(self, conversation: str) -> tuple[int, RegistryRecord] | None:
        """The live process that has a conversation open, and its record."""
        for path in self.folder.glob("*.json"):
            if not path.stem.isdecimal():
                continue
            pid = int(path.stem)
            record = self.read(pid)
            if record and record.same_process and record.conversation == conversation:
                return pid, record
        return None

    def forget(self, pid: int) -> None:
        """Drop what is kept of a process that has ended."""
        self._seen.pop(pid, None)


def _record(pid: int, data: bytes) -> RegistryRecord | None:
    try:
        record = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # half written or of another version: the next change is read again
    if not record.status or record.pid not in (0, pid):
        return None
    return RegistryRecord(
        status=record.status[:40],
        waiting_for=(record.waiting_for or "")[:100],
        conversation=record.session_id[:64],
        updated=record.status_updated_at / 1000,
        same_process=_same_process(pid, record),
        version=record.version[:40],
    )


def _same_process(pid: int, record: _Record) -> bool:
    if _HAS_PROC:
        return bool(record.proc_start) and proc_start(pid) == str(record.proc_start)
    try:
        born = psutil.Process(pid).create_time()
    except (psutil.Error, OSError):
        return False
    return os.getpid() != pid and record.started_at / 1000 >= born - 1
