"""Corpus for musl, on a machine with musl's loader: the C++ libraries that it needs, as it looks for them.

``DOTDUMP_TEST_MUSL_LIBS`` names a directory with musl builds of libstdc++ (of GCC 10 or later) and libgcc_s, such as
NAME.libs in a wheel for musllinux, which has hashes in their names. Builds with relative relocations (DT_RELR) need a
loader of musl 1.2.4 or later.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from corpus import executables, missing

LOADER = Path("/lib/ld-musl-x86_64.so.1")
PROGRAMS = [path for name, path in executables().items() if "musl" in name]
_NAMES = {"libstdc++.so.6": "libstdc++*.so.6*", "libgcc_s.so.1": "libgcc_s*.so.1"}
_NEWER = "void abort(void);\nvoid _ZSt28__throw_bad_array_new_lengthv(void) { abort(); }\n"
"""What GCC 11 added to libstdc++ and Corpus asks for, though it never gets there."""


def environment(directory: Path) -> dict[str, str]:
    """Return the settings with which a program for musl finds its libraries, put together in ``directory``."""
    folder = os.environ.get("DOTDUMP_TEST_MUSL_LIBS")
    compiler = shutil.which("cc")
    if not LOADER.exists() or folder is None or compiler is None:
        missing("no musl loader, no C++ libraries for it (DOTDUMP_TEST_MUSL_LIBS), or no C compiler")
    for name, pattern in _NAMES.items():
        found = sorted(Path(folder).glob(pattern))
        if not found:
            missing(f"no {pattern} in {folder}")
        (directory / name).symlink_to(found[0])
    source, newer = directory / "newer.c", directory / "newer.so"
    source.write_text(_NEWER)
    subprocess.run([compiler, "-shared", "-fPIC", "-nostdlib", "-o", newer, source], check=True)
    return {"LD_LIBRARY_PATH": f"{directory}:{folder}", "LD_PRELOAD": str(newer)}
