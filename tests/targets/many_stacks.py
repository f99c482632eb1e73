"""A .NET runtime in Python with many threads, each of them asleep so many calls deep, in code made at run time.

``many_stacks.py RUNTIMECONFIG DOTNET_ROOT THREADS DEPTH`` prints a line of facts once all are, and ends with its input.
Python's own calls would stand between those of managed code. One object of the type that was made is kept.
"""

from __future__ import annotations

import json
import os
import sys
import time

from clr_loader import get_coreclr
from pythonnet import set_runtime

set_runtime(get_coreclr(runtime_config=sys.argv[1], dotnet_root=sys.argv[2]))
THREADS, DEPTH = map(int, sys.argv[3:])

import clr

clr.AddReference("System.Private.CoreLib")

from System import Activator, Array, Convert, Int32, Object, Type, Void
from System.Reflection import AssemblyName, FieldAttributes, MethodAttributes, TypeAttributes
from System.Reflection.Emit import AssemblyBuilder, AssemblyBuilderAccess, OpCodes
from System.Threading import Interlocked, ParameterizedThreadStart, Thread, ThreadState

STACK = 256 << 10
LIMIT = 60.0
SHARED = MethodAttributes.Public | MethodAttributes.Static


def walker() -> Type:
    """Return a type with ``Run(object depth)``, which calls ``Descend`` so often, adds 1 to ``Arrived`` and sleeps."""
    assembly = AssemblyBuilder.DefineDynamicAssembly(AssemblyName("Stacks"), AssemblyBuilderAccess.Run)
    made = assembly.DefineDynamicModule("Stacks").DefineType("Stacks.Walker", TypeAttributes.Public)
    number = clr.GetClrType(Int32)
    made.DefineField("Depth", number, FieldAttributes.Public)
    made.DefineField("Next", made, FieldAttributes.Public)
    arrived = made.DefineField("Arrived", number, FieldAttributes.Public | FieldAttributes.Static)
    descend = made.DefineMethod("Descend", SHARED, number, Array[Type]([number]))
    code = descend.GetILGenerator()
    deeper = code.DefineLabel()
    code.Emit(OpCodes.Ldarg_0)
    code.Emit(OpCodes.Brtrue, deeper)
    code.Emit(OpCodes.Ldsflda, arrived)
    code.Emit(OpCodes.Call, clr.GetClrType(Interlocked).GetMethod("Increment", Array[Type]([number.MakeByRefType()])))
    code.Emit(OpCodes.Pop)
    code.Emit(OpCodes.Ldc_I4_M1)
    code.Emit(OpCodes.Call, clr.GetClrType(Thread).GetMethod("Sleep", Array[Type]([number])))
    code.MarkLabel(deeper)
    code.Emit(OpCodes.Ldarg_0)
    code.Emit(OpCodes.Ldc_I4_1)
    code.Emit(OpCodes.Sub)
    code.Emit(OpCodes.Call, descend)
    code.Emit(OpCodes.Ldc_I4_1)
    code.Emit(OpCodes.Add)
    code.Emit(OpCodes.Ret)
    run = made.DefineMethod("Run", SHARED, clr.GetClrType(Void), Array[Type]([clr.GetClrType(Object)]))
    code = run.GetILGenerator()
    code.Emit(OpCodes.Ldarg_0)
    code.Emit(OpCodes.Call, clr.GetClrType(Convert).GetMethod("ToInt32", Array[Type]([clr.GetClrType(Object)])))
    code.Emit(OpCodes.Call, descend)
    code.Emit(OpCodes.Pop)
    code.Emit(OpCodes.Ret)
    return made.CreateType()


made = walker()
kept = Activator.CreateInstance(made)
start = made.GetMethod("Run").CreateDelegate(clr.GetClrType(ParameterizedThreadStart))
threads = [Thread(start, STACK) for _ in range(THREADS)]
for number, thread in enumerate(threads):
    thread.IsBackground = True
    thread.Name = f"deep-{number}"
    thread.Start(DEPTH)
arrived = made.GetField("Arrived")
late = time.monotonic() + LIMIT
while arrived.GetValue(None) < THREADS or any(not t.ThreadState & ThreadState.WaitSleepJoin for t in threads):
    if time.monotonic() > late:
        sys.exit(f"{THREADS} threads were not asleep within {LIMIT} s")
    time.sleep(0.1)
sys.stdout.write(f"{json.dumps({'ready': 'stacks', 'pid': os.getpid(), 'threads': THREADS, 'depth': DEPTH})}\n")
sys.stdout.flush()
sys.stdin.read()
os._exit(0)
