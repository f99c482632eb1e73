"""Kernels twice: as machine code and as plain Python. A kernel's tests run on both and expect the same answers."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import corpus
import dotdump.kernels

if TYPE_CHECKING:
    from types import ModuleType

VARIANTS = ("compiled", "pure")


def load(name: str, variant: str) -> ModuleType:
    """Return the kernel module ``name`` as it is built, or from its source; skips where it is not built."""
    if variant == "compiled":
        module = importlib.import_module(f"dotdump.kernels.{name}")
        if str(module.__file__).endswith(".py"):
            corpus.missing(f"the kernel {name} is not compiled")
        return module
    source = Path(str(dotdump.kernels.__file__)).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"pure_{name}", source)
    assert spec is not None
    assert spec.loader is not None
    pure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pure)
    return pure
