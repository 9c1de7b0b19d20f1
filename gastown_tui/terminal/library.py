"""Where libghostty-vt is, and its interface for cffi.

pyghostty hands its C declarations to cffi as text, which takes half a second of every start to
parse. So the outcome is kept in `_vt.py`, made by `scripts/declare.py`; should another build be
installed, the text is parsed after all.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from typing import Any, Final

from gastown_tui.domain.errors import Unavailable
from gastown_tui.terminal import _vt

# cffi cannot pass a union by value; a struct of the same layout has the same calling convention.
TWINS: Final = """
    typedef struct { uint16_t x; uint32_t y; uint64_t pad; } GastownPointValue;
    typedef struct { GhosttyPointTag tag; GastownPointValue value; } GastownPoint;
    typedef struct { uint64_t row; uint64_t pad; } GastownScrollValue;
    typedef struct { GhosttyTerminalScrollViewportTag tag; GastownScrollValue value; }
        GastownScroll;
"""
_NAMES: Final = {"darwin": "libghostty-vt.dylib"}


def folder() -> str:
    """Where pyghostty is installed; it is not imported.

    Raises:
        Unavailable: it is not.
    """
    spec = importlib.util.find_spec("pyghostty")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("pyghostty is not installed", hint="install gastown_tui again")
    return spec.submodule_search_locations[0]


def declarations() -> bytes:
    """The C declarations of the installed library, as a Python module."""
    with open(f"{folder()}/_cdef.py", "rb") as file:  # noqa: PTH123 - pathlib is for adapters
        return file.read()


def digest() -> str:
    """Names the declarations of the installed library and our own."""
    return hashlib.sha256(declarations() + TWINS.encode()).hexdigest()


def load() -> tuple[Any, Any]:
    """The `ffi` of cffi, and the library.

    Raises:
        Unavailable: pyghostty is not installed.
    """
    if digest() == _vt.DIGEST:
        name = _NAMES.get(sys.platform, "libghostty-vt.so")
        return _vt.ffi, _vt.ffi.dlopen(f"{folder()}/_lib/{name}")
    from pyghostty import _ffi  # parses for a while

    _ffi.ffi.cdef(TWINS)
    return _ffi.ffi, _ffi.lib
