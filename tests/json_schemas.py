"""JSON schemas of what commands print, made from the annotations of the records that they print.

    python tests/json_schemas.py        writes docs/schemas/*.json anew

A test holds the files to what this makes, and real output to the files.
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import json
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

RESULTS: dict[str, str | dict[str, str]] = {
    "ps/1": {"processes": "list[dotdump.ipc.processes.DotnetProcess]"},
    "collect/1": "dotdump.dump.collect.CollectResult",
    "doctor/1": {"pid": "int | None", "problems": "int", "findings": "list[dotdump.dump.doctor.finding.Finding]"},
    "info/1": "dotdump.analysis.core_information.CoreInformation",
    "threads/1": "dotdump.analysis.threads.ThreadList",
    "modules/1": "dotdump.analysis.modules.ModuleList",
    "memory/1": "dotdump.analysis.memory_content.MemoryContent",
    "address/1": {
        "addresses": "list[dotdump.analysis.addresses.AddressMeaning]",
        "problems": "list[dotdump.target.model.Problem]",
    },
    "verify/1": {"core": "str", "verdict": "str", "findings": "list[dotdump.dump.verify.Finding]"},
    "convert/1": {"path": "str", "content": "int", "stored": "int", "problems": "list[str]"},
    "heap/1": "dotdump.analysis.statistics.HeapStatistics",
    "heap-modules/1": "dotdump.analysis.statistics.ModuleStatistics",
    "objects/1": {
        "objects": "list[dotdump.analysis.objects.ObjectRow]",
        "count": "int",
        "size": "int",
        "problems": "list[dotdump.target.model.Problem]",
    },
    "object/1": "dotdump.analysis.whole_object.ObjectDetails",
    "roots/1": "dotdump.analysis.root_paths.HeldObjects",
    "roots-of-type/1": "dotdump.analysis.root_paths.HeldTypes",
    "retained-objects/1": "dotdump.analysis.retention.RetainedObjects",
    "retained-types/1": "dotdump.analysis.retention.RetainedTypes",
    "retained-roots/1": "dotdump.analysis.retention.RetainedRoots",
    "leak-suspects/1": "dotdump.analysis.suspects.LeakSuspects",
    "diff/1": "dotdump.analysis.growth.HeapGrowth",
    "strings/1": "dotdump.analysis.strings.StringStatistics",
    "segments/1": "dotdump.analysis.segments.SegmentList",
    "handles/1": "dotdump.analysis.handles.HandleList",
    "handle-types/1": "dotdump.analysis.handles.HandleStatistics",
    "finalizers/1": "dotdump.analysis.finalizers.FinalizerList",
    "finalizer-types/1": "dotdump.analysis.finalizers.FinalizerStatistics",
    "statics/1": "dotdump.analysis.statics.StaticList",
    "exceptions/1": "dotdump.analysis.exceptions.ExceptionList",
    "locks/1": "dotdump.analysis.locks.LockReport",
    "tasks/1": "dotdump.analysis.async_stacks.AsyncStacks",
    "crash/1": "dotdump.analysis.crash.Crash",
    "parallel-stacks/1": "dotdump.analysis.parallel_stacks.StackGroups",
    "stacks/1": "dotdump.analysis.stacks.StackList",
}
"""What each schema is of: a record, or keys and what they hold."""

_PLAIN: dict[object, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bytes: {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
    type(None): {"type": "null"},
    None: {"type": "null"},
    object: {},
    Any: {},
}
_ADDRESSES = ("address", "method_table")
_ADDRESS = {"type": "string", "pattern": "^0x[0-9a-f]+$"}


class Schema:
    """The schema called ``name``, and the definitions of all records that it needs."""

    def __init__(self, name: str) -> None:
        self._definitions: dict[str, Any] = {}
        result = RESULTS[name]
        if isinstance(result, str):
            body = self._record(_find(result))
        else:
            body = self._object({key: _evaluate(text) for key, text in result.items()}, "")
        properties = {"schema": {"const": f"dotdump/{name}"}, **body["properties"]}
        self.content: dict[str, Any] = {
            "$schema": _DIALECT,
            "title": f"dotdump/{name}",
            **body,
            "properties": properties,
            "required": list(properties),
            "$defs": dict(sorted(self._definitions.items())),
        }

    def _record(self, kind: type) -> dict[str, Any]:
        text = "\n\n".join(inspect.getdoc(each) or "" for each in (kind, *_inlined(kind)))
        return self._object(dict(_fields(kind)), text)

    def _object(self, fields: Mapping[str, object], text: str) -> dict[str, Any]:
        properties = {key: self._value(value, key) for key, value in fields.items()}
        head = {"description": text} if text else {}
        return {
            **head,
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def _value(self, kind: Any, key: str = "") -> dict[str, Any]:  # noqa: ANN401 - any annotation
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin in (typing.Union, types.UnionType):
            return {"anyOf": [self._value(each, key) for each in arguments]}
        if origin is not None:
            return self._container(origin, arguments)
        if kind is str and key in _ADDRESSES:
            return _ADDRESS
        if kind in _PLAIN:
            return _PLAIN[kind]
        if issubclass(kind, enum.Enum):
            return {"enum": [member.value for member in kind]}
        return self._reference(kind)

    def _container(self, origin: object, arguments: tuple[Any, ...]) -> dict[str, Any]:
        if origin in (dict, Mapping):
            return {"type": "object", "additionalProperties": self._value(arguments[1])}
        if origin is typing.Literal:
            return {"enum": list(arguments)}
        if origin is tuple and arguments[-1] is not Ellipsis:
            return {"type": "array", "prefixItems": [self._value(each) for each in arguments], "items": False}
        return {"type": "array", "items": self._value(arguments[0])}

    def _reference(self, kind: type) -> dict[str, Any]:
        if kind.__name__ not in self._definitions:
            self._definitions[kind.__name__] = {}
            self._definitions[kind.__name__] = self._record(kind)
        return {"$ref": f"#/$defs/{kind.__name__}"}


def path_of(name: str) -> Path:
    """Return where the schema ``name`` is kept."""
    return FOLDER / f"{name.replace('/', '-')}.json"


def text_of(name: str) -> str:
    """Return the schema ``name`` as it is kept."""
    return json.dumps(Schema(name).content, indent=2, ensure_ascii=False) + "\n"


def printed() -> set[str]:
    """Return the names of all schemas that the source says it prints."""
    words = [node.value for path in (ROOT / "src").rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))
             if isinstance(node, ast.Constant) and isinstance(node.value, str)]  # fmt: skip
    return {found for word in words for found in _names(word)}


def _names(word: str) -> Iterable[str]:
    for quoted in word.split('"'):
        head, _, rest = quoted.partition("/")
        if head == "dotdump" and rest.rpartition("/")[2].isdecimal() and rest.count("/") == 1 and " " not in rest:
            yield rest


def _fields(kind: type) -> Iterator[tuple[str, object]]:
    """Yield the fields of a record with their types."""
    scope = _Scope(kind.__module__)
    for name in kind.__match_args__:  # type: ignore[attr-defined] # every record has it
        found = eval(kind.__annotations__[name], {}, scope)  # noqa: S307 - our own source
        yield from _fields(found) if name == getattr(kind, "json_inline", "") else [(name, found)]


def _inlined(kind: type) -> list[type]:
    """Return the record whose members stand in a place of its own fields, if there is one."""
    name = getattr(kind, "json_inline", "")
    return [eval(kind.__annotations__[name], {}, _Scope(kind.__module__))] if name else []  # noqa: S307 - annotations of our own records


class _Scope(dict[str, Any]):
    """The names of a module, those too that only type checkers see: each is found when an annotation has it."""

    def __init__(self, module: str) -> None:
        self._module = importlib.import_module(module)
        super().__init__(vars(self._module))

    def __missing__(self, name: str) -> object:
        for node in ast.walk(ast.parse(inspect.getsource(self._module))):
            if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
                return _Scope(str(node.module))[name]
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                return eval(ast.unparse(node.value), {}, self)  # noqa: S307 - our own source
        raise KeyError(name)


def _find(path: str) -> type:
    module, _, name = path.rpartition(".")
    found: type = getattr(importlib.import_module(module), name)
    return found


def _evaluate(text: str) -> object:
    inside = text.removeprefix("list[").removesuffix("]")
    if inside.startswith("dotdump."):
        return list[_find(inside)]  # type: ignore[misc] # found at run time
    return eval(text, {})  # noqa: S307 - from the table above


def main() -> int:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name in RESULTS:
        path_of(name).write_text(text_of(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
