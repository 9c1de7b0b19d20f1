"""The native terminal: handles, options and queries of libghostty-vt through cffi.

Everything that knows the library's C interface by name is here and in `reader` and `keys`; the
sources are `pyghostty/_cdef.py` (declarations) and the library's own `include/ghostty/vt/*.h`
(what each option takes).
"""

from __future__ import annotations

import re
from typing import Any, Final

from gastown_tui.domain.errors import Damaged, Unavailable
from gastown_tui.terminal.library import load

ffi: Any
lib: Any
ffi, lib = load()

CONTINUATION_BYTES: Final = 65_536
"""How much of an unfinished sequence the library keeps, so that a snapshot in its middle works."""
REPLY_BYTES: Final = 65_536
"""Replies kept until they are taken; what comes on top of a full buffer is dropped."""
SCROLLBACK_BYTES: Final = 64 << 20
"""Upper bound of one terminal's scrollback, whatever its size."""
_PAGE_BYTES: Final = 512 << 10
_CELL_BYTES: Final = 8
CELL_WIDTH: Final = 8
CELL_HEIGHT: Final = 16
"""The cell size in pixels that programs are told; nothing is painted with it."""

_FOREGROUND: Final = (0xD8, 0xD8, 0xD8)
_BACKGROUND: Final = (0x00, 0x00, 0x00)
_DARK: Final = 1
_WRAP: Final = 7

_REPLY: Final = re.compile(
    rb"(?:"
    rb"\x1b\[(?:\?[\d;]*|>[\d;]*)c"  # primary and secondary device attributes
    rb"|\x1bP!\|[0-9A-F]{8}\x1b\\"  # tertiary device attributes
    rb"|\x1b\[0n|\x1b\[\??\d+;\d+R|\x1b\[\?997;[12]n"  # status, cursor position, colour scheme
    rb"|\x1b\[\??\d+;[0-4]\$y"  # mode reports
    rb"|\x1b\[\?\d+u"  # kitty keyboard flags
    rb"|\x1b\[(?:4|6|8|48)(?:;\d+)+t"  # sizes in cells and pixels
    rb"|\x1bP[01]\$r[0-9;:\"' *a-zA-Z]*\x1b\\"  # settings (DECRQSS)
    rb"|\x1bP[01]\+r[0-9A-Fa-f=;]*\x1b\\"  # terminfo capabilities, in hexadecimal
    rb"|\x1bP>\|libghostty[ -~]*\x1b\\"  # name and version
    rb"|\x1b\](?:4;\d+|1[0-9]);rgb:[0-9a-fA-F/]+(?:\x07|\x1b\\)"  # colours
    rb")+"
)
"""The replies that reach a program: none can carry text that a program chose."""
_REFUSED_MODE: Final = re.compile(rb"(\x1b\[\?(?:69|2027);)2(\$y)")
"""A mode that `filters` refuses is reported as permanently reset (4), not as reset (2)."""

_scroll: Any = ffi.cast(
    "void (*)(GhosttyTerminal, GastownScroll)",
    ffi.addressof(lib, "ghostty_terminal_scroll_viewport"),
)
_grid_ref: Any = ffi.cast(
    "GhosttyResult (*)(GhosttyTerminal, GastownPoint, GhosttyGridRef*)",
    ffi.addressof(lib, "ghostty_terminal_grid_ref"),
)


def check(result: int, what: str) -> None:
    """Raise `Unavailable` unless a call of the library succeeded."""
    if result:
        raise Unavailable(f"terminal emulation: {what} failed ({result})")


class Replies:
    """Answers of one terminal to its program, bounded and from the allow-list."""

    def __init__(self) -> None:
        self.data = bytearray()

    def add(self, reply: bytes) -> None:
        """Keep `reply` if a program may have it and there is room."""
        if len(self.data) + len(reply) <= REPLY_BYTES and _REPLY.fullmatch(reply):
            self.data += _REFUSED_MODE.sub(rb"\g<1>4\2", reply)

    def take(self) -> bytes:
        """All that was kept since the last call."""
        if not self.data:
            return b""
        data = bytes(self.data)
        self.data.clear()
        return data


@ffi.callback("void(GhosttyTerminal, void*, uint8_t*, size_t)")  # type: ignore[untyped-decorator]
def _on_reply(_terminal: Any, user: Any, data: Any, length: int) -> None:
    ffi.from_handle(user).add(ffi.buffer(data, length)[:])


@ffi.callback("bool(GhosttyTerminal, void*, GhosttySizeReportSize*)")  # type: ignore[untyped-decorator]
def _on_size(terminal: Any, _user: Any, out: Any) -> bool:
    out.columns = get(terminal, lib.GHOSTTY_TERMINAL_DATA_COLS, "uint16_t")
    out.rows = get(terminal, lib.GHOSTTY_TERMINAL_DATA_ROWS, "uint16_t")
    out.cell_width, out.cell_height = CELL_WIDTH, CELL_HEIGHT
    return True


@ffi.callback("bool(GhosttyTerminal, void*, GhosttyColorScheme*)")  # type: ignore[untyped-decorator]
def _on_scheme(_terminal: Any, _user: Any, out: Any) -> bool:
    out[0] = _DARK
    return True


@ffi.callback("bool(GhosttyTerminal, void*, GhosttyDeviceAttributes*)")  # type: ignore[untyped-decorator]
def _on_attributes(_terminal: Any, _user: Any, out: Any) -> bool:
    out.primary.conformance_level = 62  # VT220
    out.primary.features[0] = 22  # ANSI colour
    out.primary.num_features = 1
    out.secondary.device_type = 1  # VT220
    out.secondary.firmware_version = 10
    out.secondary.rom_cartridge = 0
    out.tertiary.unit_id = 0
    return True


def get(terminal: Any, key: int, ctype: str) -> Any:
    """One value of `ghostty_terminal_get`; `ctype` is what the key's documentation names."""
    out = ffi.new(ctype + "*")
    check(lib.ghostty_terminal_get(terminal, key, out), "a query")
    return out[0]


def mode(terminal: Any, number: int) -> bool:
    """Whether DEC private mode `number` is set."""
    config = ffi.new("GhosttyTerminalModeConfig*")
    config.mode = number
    check(lib.ghostty_terminal_get(terminal, lib.GHOSTTY_TERMINAL_DATA_MODE, config), "a mode")
    return bool(config.value)


def create(cols: int, rows: int) -> Any:
    """A new terminal handle; the caller frees it."""
    out = ffi.new("GhosttyTerminal*")
    check(lib.ghostty_terminal_new(ffi.NULL, out, cols, rows), "a new terminal")
    return out[0]


def _option(terminal: Any, name: str, value: Any) -> None:
    key = getattr(lib, f"GHOSTTY_TERMINAL_OPT_{name}")
    check(lib.ghostty_terminal_set(terminal, key, value), name)


def limit_scrollback(terminal: Any, lines: int, cols: int) -> None:
    """Keep about `lines` lines of `cols` columns above the screen.

    The limit is set in bytes: at a byte limit the library uses its oldest page again, at a line
    limit it unmaps it and maps a new one, which costs three quarters of the speed. A page holds a
    ninth more than its cells.
    """
    size = lines * (cols + 1) * _CELL_BYTES * 9 // 8 + _PAGE_BYTES if lines else 0
    limit = ffi.new("size_t*", min(size, SCROLLBACK_BYTES))
    _option(terminal, "SCROLLBACK_MAX_LINES", ffi.NULL)
    _option(terminal, "SCROLLBACK_MAX_BYTES", limit)


def configure(terminal: Any, user: Any) -> None:
    """Set every option of a new or restored terminal; `user` is a cffi handle of `Replies`."""

    def option(name: str, value: Any) -> None:
        _option(terminal, name, value)

    off = ffi.new("bool*", False)
    option("USERDATA", user)
    option("WRITE_PTY", _on_reply)
    option("SIZE", _on_size)
    option("COLOR_SCHEME", _on_scheme)
    option("DEVICE_ATTRIBUTES", _on_attributes)
    option("COLOR_FOREGROUND", ffi.new("GhosttyColorRgb*", _FOREGROUND))
    option("COLOR_BACKGROUND", ffi.new("GhosttyColorRgb*", _BACKGROUND))
    option("CONTINUATION_MAX_BYTES", ffi.new("size_t*", CONTINUATION_BYTES))
    option("KITTY_IMAGE_STORAGE_LIMIT", ffi.new("uint64_t*", 0))
    option("KITTY_IMAGE_MEDIUM_FILE", off)
    option("KITTY_IMAGE_MEDIUM_TEMP_FILE", ffi.NULL)
    option("KITTY_IMAGE_MEDIUM_SHARED_MEM", off)
    option("GLYPH_PROTOCOL", off)
    option("APC_MAX_BYTES", ffi.new("size_t*", CONTINUATION_BYTES))
    option("TITLE_REPORT", off)
    option("CLIPBOARD_WRITE", ffi.NULL)
    option("CLIPBOARD_READ", ffi.NULL)


def write(terminal: Any, data: bytes) -> None:
    """Let the terminal act on `data`."""
    lib.ghostty_terminal_vt_write(terminal, data, len(data))


def resize(terminal: Any, cols: int, rows: int) -> None:
    """Resize, reflowing the primary screen.

    With wrapping off (mode 7) the library would cut lines instead, also through wide characters
    of the scrollback, where nothing can mend them; so it is on for the moment.
    """
    wraps = mode(terminal, _WRAP)
    if not wraps:
        _set_mode(terminal, _WRAP, on=True)
    code = lib.ghostty_terminal_resize(terminal, cols, rows, CELL_WIDTH, CELL_HEIGHT)
    if not wraps:
        _set_mode(terminal, _WRAP, on=False)
    check(code, "a resize")


def _set_mode(terminal: Any, number: int, *, on: bool) -> None:
    config = ffi.new("GhosttyTerminalModeConfig*")
    config.mode, config.value = number, on
    _option(terminal, "MODE", config)


def scroll_to(terminal: Any, row: int | None) -> None:
    """Put the viewport's first row at `row` of the whole (0 = oldest); None: back to the screen."""
    value = ffi.new("GastownScroll*")
    value.tag = (
        lib.GHOSTTY_SCROLL_VIEWPORT_BOTTOM if row is None else lib.GHOSTTY_SCROLL_VIEWPORT_ROW
    )
    value.value.row = row or 0
    _scroll(terminal, value[0])


def compress(terminal: Any) -> bool:
    """Pack some of the scrollback's pages; whether there is more to do."""
    out = ffi.new("GhosttyTerminalCompressionResult*")
    step = lib.GHOSTTY_TERMINAL_COMPRESSION_MODE_INCREMENTAL
    failed = lib.ghostty_terminal_compress(terminal, step, out)
    return not failed and bool(out[0] == lib.GHOSTTY_TERMINAL_COMPRESSION_RESULT_PENDING)


def _sized(ctype: str) -> Any:
    out = ffi.new(ctype + "*")
    out.size = ffi.sizeof(ctype)
    return out


def screen_text(terminal: Any, cols: int, rows: int) -> str:
    """The visible screen as text, a line per row."""
    selection = _sized("GhosttySelection")
    for ref, x, y in ((selection.start, 0, 0), (selection.end, cols - 1, rows - 1)):
        point = ffi.new("GastownPoint*")
        point.tag = lib.GHOSTTY_POINT_TAG_ACTIVE
        point.value.x, point.value.y = x, y
        ref.size = ffi.sizeof("GhosttyGridRef")
        check(_grid_ref(terminal, point[0], ffi.addressof(ref)), "a cell")
    return _format(terminal, selection)


def all_text(terminal: Any) -> str:
    """Scrollback and screen as text, a line per row."""
    selection = _sized("GhosttySelection")
    selection.start.size = selection.end.size = ffi.sizeof("GhosttyGridRef")
    code = lib.ghostty_terminal_select_all(terminal, selection)
    if code == lib.GHOSTTY_NO_VALUE:
        return ""
    check(code, "selecting all")
    return _format(terminal, selection)


def _format(terminal: Any, selection: Any) -> str:
    options = _sized("GhosttyTerminalSelectionFormatOptions")
    options.emit = lib.GHOSTTY_FORMATTER_FORMAT_PLAIN
    options.unwrap, options.trim, options.selection = False, True, selection
    out, length = ffi.new("uint8_t**"), ffi.new("size_t*")
    code = lib.ghostty_terminal_selection_format_alloc(terminal, ffi.NULL, options[0], out, length)
    check(code, "formatting")
    return _take(out[0], length[0]).decode("utf-8", "replace")


def _take(data: Any, length: int) -> bytes:
    try:
        return bytes(ffi.buffer(data, length)) if length else b""
    finally:
        lib.ghostty_free(ffi.NULL, data, length)


def encode_snapshot(terminal: Any) -> bytes:
    """The library's own snapshot, with the parser's state."""
    out, length = ffi.new("uint8_t**"), ffi.new("size_t*")
    check(lib.ghostty_snapshot_encode_alloc(terminal, ffi.NULL, out, length), "a snapshot")
    return _take(out[0], length[0])


def decode_snapshot(data: bytes) -> Any:
    """A terminal handle out of `encode_snapshot`'s bytes.

    Raises:
        Damaged: the bytes are no snapshot of this library.
    """
    decoder, buffer = ffi.new("GhosttySnapshotDecoder*"), ffi.from_buffer(data)
    terminal = ffi.new("GhosttyTerminal*")
    code = lib.ghostty_snapshot_decoder_new_buf(ffi.NULL, decoder, buffer, len(data))
    check(code, "reading a snapshot")
    try:
        for name, value in (
            ("MAX_CONTINUATION_BYTES", ffi.new("size_t*", CONTINUATION_BYTES)),
            ("RETAIN_CONTINUATION", ffi.new("bool*", True)),
        ):
            key = getattr(lib, f"GHOSTTY_SNAPSHOT_DECODER_OPT_{name}")
            check(lib.ghostty_snapshot_decoder_set(decoder[0], key, value), name)
        if lib.ghostty_snapshot_decoder_decode(decoder[0], terminal):
            raise Damaged("the terminal snapshot cannot be read", hint="start from the log instead")
    finally:
        lib.ghostty_snapshot_decoder_free(decoder[0])
    return terminal[0]
