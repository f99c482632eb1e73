"""What a method is called in its source that C# compiled into one by another name.

``Type+<Load>d__5.MoveNext`` is the body of ``async Load``, ``Type+<>c.<Load>b__4_0`` a lambda in it,
``Type.<Load>g__Twice|4_1`` a local function. Source of truth: ``GeneratedNames`` of dotnet/roslyn.
"""

from __future__ import annotations

import re

_STATE_MACHINE = re.compile(r"<(?P<method>.+)>d(?:__\d+)?(?:`\d+)?")
_GENERATED = re.compile(r"<(?P<method>.+)>(?P<kind>[bg])(?:__(?P<rest>.*))?")
_CLOSURE = re.compile(r"<>c(?:__DisplayClass\d+_\d+)?(?:`\d+)?")
_MOVE_NEXT = "MoveNext"
_NESTING = 8
"""Methods generated in each other that are told apart; deeper ones keep the name that they have."""


def source_name(type_name: str, method: str) -> str:
    """Return ``Namespace.Type.Method`` as the source has it, with what kind of code in it; empty where it is the same.

    ``type_name`` is that of the declaring type, nested types after ``+``, without type arguments.
    """
    types = type_name.split("+")
    if method == _MOVE_NEXT and (machine := _STATE_MACHINE.fullmatch(types[-1])):
        types, method = types[:-1], machine["method"]
    elif not _GENERATED.fullmatch(method):
        return ""
    while len(types) > 1 and _CLOSURE.fullmatch(types[-1]):
        types.pop()
    return f"{'+'.join(types)}.{_in_source(method)}"


def _in_source(method: str) -> str:
    """Return a generated method's name and kind, from the outermost in: ``Load, local function Twice, lambda``."""
    inside: list[str] = []
    for _ in range(_NESTING):
        generated = _GENERATED.fullmatch(method)
        if generated is None:
            break
        name = (generated["rest"] or "").partition("|")[0]
        inside.append("lambda" if generated["kind"] == "b" else f"local function {name}".rstrip())
        method = generated["method"]
    return ", ".join([method, *reversed(inside)])
