"""A .NET program with its own copy of the runtime, as those published self-contained: no folder names a version.

    python self_contained.py FOLDER SCENARIO

FOLDER has Corpus.dll and all files of a runtime. Source of truth: coreclrhost.h of dotnet/runtime.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path


def main(folder: Path, scenario: str) -> int:
    """Run Corpus with a scenario to its end; return its exit code."""
    coreclr = ctypes.CDLL(str(folder / "libcoreclr.so"))
    properties = {
        "TRUSTED_PLATFORM_ASSEMBLIES": ":".join(map(str, folder.glob("*.dll"))),
        "NATIVE_DLL_SEARCH_DIRECTORIES": f"{folder}/",
        "APP_CONTEXT_BASE_DIRECTORY": f"{folder}/",
        "System.Globalization.Invariant": "true",
    }
    host, domain, code = ctypes.c_void_p(), ctypes.c_uint(), ctypes.c_uint()
    names, values = _texts(*properties), _texts(*properties.values())
    where = (ctypes.byref(host), ctypes.byref(domain))
    _check(coreclr.coreclr_initialize(sys.executable.encode(), b"corpus", len(names), names, values, *where))
    arguments, program = _texts(scenario), str(folder / "Corpus.dll").encode()
    _check(coreclr.coreclr_execute_assembly(host, domain, len(arguments), arguments, program, ctypes.byref(code)))
    return code.value


def _texts(*texts: str) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * len(texts))(*(text.encode() for text in texts))


def _check(result: int) -> None:
    if result:
        raise SystemExit(f"the runtime says {result & 0xFFFFFFFF:#x}")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2]))
