"""A runtime whose createdump is ours, in a copy of it made of hard links."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from corpus import Runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[1] / "src"


def put_our_createdump(folder: Path) -> None:
    """Make ours the createdump of what lies in a folder: a runtime, or a NativeAOT program."""
    launcher = folder / "createdump"
    launcher.unlink(missing_ok=True)
    launcher.write_text(f'#!/bin/sh\nPYTHONPATH={SOURCE} exec {sys.executable} -m dotdump createdump "$@"\n')
    launcher.chmod(0o755)


@contextmanager
def with_our_createdump(original: Runtime, elsewhere: Path) -> Iterator[Runtime]:
    """Yield a copy of ``original`` with our createdump, beside it, or ``elsewhere`` where no links can be there."""
    root = original.root.parent / f".dotdump-test-{os.getpid()}-{original.version}"
    try:
        shutil.copytree(original.root, root, copy_function=os.link, symlinks=True)
    except OSError:
        shutil.rmtree(root, ignore_errors=True)
        root = elsewhere / "dotnet"
        shutil.copytree(original.root, root, symlinks=True)
    try:
        copy = Runtime(root, original.version)
        put_our_createdump(copy.directory)
        yield copy
    finally:
        shutil.rmtree(root)
