"""A .NET runtime in Python with a type that can be unloaded, and objects in statics of it.

``collectible.py RUNTIMECONFIG DOTNET_ROOT`` prints a line of facts, and ends with its input.
"""

from __future__ import annotations

import json
import os
import sys

from clr_loader import get_coreclr
from pythonnet import set_runtime

set_runtime(get_coreclr(runtime_config=sys.argv[1], dotnet_root=sys.argv[2]))

import clr

clr.AddReference("System.Private.CoreLib")

from System import Array, Object, String, ThreadStaticAttribute, Type
from System.Collections.Generic import List
from System.Reflection import AssemblyName, FieldAttributes, TypeAttributes
from System.Reflection.Emit import AssemblyBuilder, AssemblyBuilderAccess, CustomAttributeBuilder

SHARED = FieldAttributes.Public | FieldAttributes.Static


def holder(name: str) -> Type:
    """Return a type in an assembly of its own, with a list in ``Names`` and a text in ``Own``, a thread static."""
    assembly = AssemblyBuilder.DefineDynamicAssembly(AssemblyName(name), AssemblyBuilderAccess.RunAndCollect)
    made = assembly.DefineDynamicModule(name).DefineType(f"{name}.Holder", TypeAttributes.Public)
    made.DefineField("Names", clr.GetClrType(List[String]), SHARED)
    thread_static = clr.GetClrType(ThreadStaticAttribute).GetConstructor(Array[Type]([]))
    own = made.DefineField("Own", clr.GetClrType(String), SHARED)
    own.SetCustomAttribute(CustomAttributeBuilder(thread_static, Array[Object]([])))
    found, names = made.CreateType(), List[String]()
    names.Add(f"in a list: {name}")
    found.GetField("Names").SetValue(None, names)
    found.GetField("Own").SetValue(None, f"of one thread: {name}")
    return found


kept = holder("Kept")
sys.stdout.write(f"{json.dumps({'ready': 'collectible', 'pid': os.getpid()})}\n")
sys.stdout.flush()
sys.stdin.read()
os._exit(0)
