"""What ``import dotdump`` offers."""

import ast
from importlib.util import find_spec
from pathlib import Path

import dotdump
from dotdump import errors

SOURCE = Path(dotdump.__file__)


def _imported_for_type_checkers() -> dict[str, str]:
    """Name to module, from the block that only type checkers run."""
    return {
        name.name: node.module or ""
        for block in ast.parse(SOURCE.read_text()).body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


def test_every_public_name_is_there_and_is_what_type_checkers_see() -> None:
    seen = _imported_for_type_checkers()
    assert sorted(seen) == dotdump.__all__
    for name, module in seen.items():
        assert find_spec(module) is not None
        assert getattr(dotdump, name).__module__.startswith("dotdump."), name
        assert f"dotdump.{dotdump._HOMES.get(name, 'errors')}" == module


def test_every_error_is_public() -> None:
    ours = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert ours <= set(dotdump.__all__)


def test_every_error_is_drawn_in_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type):
            line = next(line for line in drawn.splitlines() if name in line.split())
            assert name in line
