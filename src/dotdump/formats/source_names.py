"""What a method is called in its source that C# compiled into one by another name.

``Type+<Load>d__5.MoveNext`` is the body of ``async Load``, ``Type+<>c.<Load>b__4_0`` a lambda in it,
``Type.<Load>g__Twice|4_1`` a local function. Source of truth: ``GeneratedNames`` of dotnet/roslyn.
"""

from __future__ import annotations

import re

_STATE_MACHINE = re.compile(r"<(?P<method>.+)>d(?:__\d+)?(?:`\d+)?")
_GENERATED = re.compile(r"<(?P<method>.+)>(?P<kind>[bg])(?:__(?P<rest>.*))?")
_CLOSURE = re.compile(r"<>c(?:__(?:DisplayClass\d+_)?\d+)?(?:`\d+)?")
_MOVE_NEXT = "MoveNext"
_NESTING = 8
"""Methods generated in each other that are told apart; deeper ones keep the name that they have."""


def source_name(type_name: str, method: str) -> str:
    """Return ``Namespace.Type.Method`` as the source has it, with what kind of code in it; empty where it is the same.

    ``type_name`` is that of the declaring type, nested types after ``+``. Its type arguments, where it has them, are
    those of the method that it was made for.
    """
    types, arguments = _nested(type_name), ""
    if method == _MOVE_NEXT and (machine := _STATE_MACHINE.fullmatch(_split(types[-1])[0])):
        arguments = _split(types.pop())[1]
        method = machine["method"]
    elif not _GENERATED.fullmatch(method):
        return ""
    while len(types) > 1 and _CLOSURE.fullmatch(_split(types[-1])[0]):
        types.pop()
    return f"{'+'.join(types)}.{_in_source(method, arguments)}"


def _nested(type_name: str) -> list[str]:
    """Return the parts of a name between each ``+`` that is not within type arguments."""
    parts, depth = [""], 0
    for character in type_name:
        depth += (character == "<") - (character == ">")
        if character == "+" and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _split(name: str) -> tuple[str, str]:
    """Return a name without its type arguments, and these in their brackets."""
    depth = 0
    for place in range(len(name) - 1, 0, -1) if name.endswith(">") else ():
        depth += (name[place] == ">") - (name[place] == "<")
        if not depth:
            return name[:place], name[place:]
    return name, ""


def _in_source(method: str, arguments: str) -> str:
    """Return a generated method's name and kind, from the outermost in: ``Load, local function Twice, lambda``.

    ``arguments`` are those of the type of its state machine: of a method that is generic itself.
    """
    inside: list[str] = []
    for _ in range(_NESTING):
        generated = _GENERATED.fullmatch(method)
        if generated is None:
            break
        name = (generated["rest"] or "").partition("|")[0]
        inside.append("lambda" if generated["kind"] == "b" else f"local function {name}".rstrip())
        method = generated["method"]
    return ", ".join([method + arguments, *reversed(inside)])
