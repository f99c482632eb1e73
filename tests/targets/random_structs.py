"""A .NET runtime in Python that keeps objects of structs of every shape: made by chance, the same for one SEED.

``random_structs.py RUNTIMECONFIG DOTNET_ROOT SEED`` prints a line of facts and ends with its input. It keeps arrays of
one and of two dimensions, boxes, and objects of derived classes, of structs in structs: tuples, nullables, and some
that are made at run time. What they can refer to they do.
"""

from __future__ import annotations

import json
import os
import random
import sys
from typing import Any

from clr_loader import get_coreclr
from pythonnet import set_runtime

set_runtime(get_coreclr(runtime_config=sys.argv[1], dotnet_root=sys.argv[2]))

import clr

clr.AddReference("System.Private.CoreLib")

import System
from System import Activator, Array, Type
from System.Reflection import AssemblyName, BindingFlags, FieldAttributes, TypeAttributes
from System.Reflection.Emit import AssemblyBuilder, AssemblyBuilderAccess
from System.Runtime.InteropServices import GCHandle

SHAPES, KEPT, DEEPEST, SMALL = 14, 24, 3, 8
OWN = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.DeclaredOnly
LAYOUTS = (TypeAttributes.SequentialLayout, TypeAttributes.AutoLayout)
chance = random.Random(int(sys.argv[3]))
made: list[Any] = []


def known(name: str) -> Any:
    return clr.GetClrType(System.Object).Assembly.GetType(f"System.{name}")


NUMBERS = [known(name) for name in ("Byte", "Int16", "Int32", "Int64", "Double", "Decimal", "Guid", "DateTimeOffset")]


def some_type(depth: int) -> Any:
    """Return what a field may have: of a tuple, further in, less and less."""
    dice = chance.random()
    if dice < 0.4:
        return known("String" if dice < 0.3 else "Object")
    if dice < 0.6 or depth > DEEPEST:
        return chance.choice(NUMBERS)
    if dice < 0.85:
        parts = [some_type(depth + 1) for _ in range(chance.randint(1, 7))]
        return known(f"ValueTuple`{len(parts)}").MakeGenericType(Array[Type](parts))
    known_structs = made[:SMALL]  # later ones hold these, and would soon be larger than an array takes
    if dice < 0.9 and known_structs:
        return known("Nullable`1").MakeGenericType(Array[Type]([chance.choice(known_structs)]))
    return chance.choice(known_structs or NUMBERS)


def make(module: Any, name: str, base: Any, attributes: TypeAttributes) -> Any:
    builder = module.DefineType(name, TypeAttributes.Public | attributes, base)
    for number in range(chance.randint(1, 9)):
        builder.DefineField(f"field{number}", some_type(1), FieldAttributes.Public)
    return builder.CreateType()


def side_by_side(module: Any, *names: str) -> list[Any]:
    """Return types of three fields each, which are made in turn."""
    builders = [module.DefineType(f"Shapes.{name}", TypeAttributes.Public) for name in names]
    for number in range(3):
        for builder, name in zip(builders, names, strict=True):
            builder.DefineField(f"{name}{number}", known("String"), FieldAttributes.Public)
    return [builder.CreateType() for builder in builders]


def filled(kind: Any) -> Any:
    """Return an object of that type, or a box, of which every reference leads to an object of its own."""
    if kind.FullName == "System.String":
        return System.String("x" * chance.randint(1, 9))
    if kind.FullName.startswith("System.Nullable"):
        return filled(kind.GetGenericArguments()[0])
    found, declaring = Activator.CreateInstance(kind), kind
    while declaring is not None and declaring not in NUMBERS and declaring.FullName != "System.Object":
        for field in declaring.GetFields(OWN):
            if not field.FieldType.IsPrimitive:
                field.SetValue(found, filled(field.FieldType))
        declaring = declaring.BaseType
    return found


def arrays(kind: Any) -> list[Any]:
    row, table = Array.CreateInstance(kind, 5), Array.CreateInstance(kind, 2, 3)
    for index in range(5):
        row.SetValue(filled(kind), index)
    table.SetValue(filled(kind), 1, 2)
    return [row, table]


access = AssemblyBuilderAccess.Run
module = AssemblyBuilder.DefineDynamicAssembly(AssemblyName("Shapes"), access).DefineDynamicModule("Shapes")
for number in range(SHAPES):
    layout = chance.choice(LAYOUTS)
    made.append(make(module, f"Shapes.Struct{number}", known("ValueType"), layout | TypeAttributes.Sealed))
kinds = [kind for kind in [*made, *(some_type(0) for _ in range(KEPT))] if not kind.IsPrimitive]
kept = [array for kind in kinds for array in arrays(kind)] + [filled(kind) for kind in kinds]
base = known("Object")
for number in range(SHAPES):
    shape = make(module, f"Shapes.Class{number}", base, TypeAttributes.Class)
    kept.append(filled(shape))
    base = chance.choice((shape, known("Object")))
kept += map(filled, side_by_side(module, "Left", "Right"))
handles = [GCHandle.Alloc(each) for each in kept]
System.GC.Collect()
sys.stdout.write(f"{json.dumps({'ready': 'structs', 'pid': os.getpid(), 'kept': len(kept)})}\n")
sys.stdout.flush()
sys.stdin.read()
os._exit(0)
