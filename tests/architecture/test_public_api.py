"""What ``import dotdump`` offers."""

import ast
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import dotdump
from dotdump import analysis, errors


def _imported_for_type_checkers(package: ModuleType) -> dict[str, str]:
    """Name to module, from the block that only type checkers run."""
    return {
        name.name: node.module or ""
        for block in ast.parse(Path(str(package.__file__)).read_text()).body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


def test_every_public_name_is_there_and_is_what_type_checkers_see() -> None:
    seen = _imported_for_type_checkers(dotdump)
    assert sorted(seen) == dotdump.__all__
    assert seen.pop("analysis") == "dotdump"
    assert dotdump.analysis.__name__ == "dotdump.analysis"
    for name, module in seen.items():
        assert find_spec(module) is not None
        assert getattr(dotdump, name).__module__.startswith("dotdump."), name
        assert f"dotdump.{dotdump._HOMES.get(name, 'errors')}" == module


def test_every_question_is_there_and_is_what_type_checkers_see() -> None:
    seen = _imported_for_type_checkers(analysis)
    assert sorted(seen) == sorted(analysis.__all__) == sorted(analysis._HOMES)
    for name, module in seen.items():
        assert getattr(analysis, name).__module__ == module == f"dotdump.analysis.{analysis._HOMES[name]}"


def test_every_error_is_public() -> None:
    ours = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert ours <= set(dotdump.__all__)


def test_every_error_is_drawn_in_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type):
            line = next(line for line in drawn.splitlines() if name in line.split())
            assert name in line
