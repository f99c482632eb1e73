"""A .NET runtime in Python whose heap has what Corpus' has not, each thing kept by a name of its own.

``unusual.py RUNTIMECONFIG DOTNET_ROOT`` prints a line of facts, what .NET itself says of some, and ends with its input.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time

from clr_loader import get_coreclr
from pythonnet import set_runtime

set_runtime(get_coreclr(runtime_config=sys.argv[1], dotnet_root=sys.argv[2]))

import clr

for assembly in ("System.Private.CoreLib", "System.Linq", "System.Collections"):
    clr.AddReference(assembly)

from System import (
    GC,
    Activator,
    Array,
    DateTime,
    DateTimeOffset,
    Decimal,
    Enum,
    FlagsAttribute,
    Func,
    Int32,
    Nullable,
    Object,
    SByte,
    String,
    ThreadStaticAttribute,
    TimeSpan,
    Type,
    ValueTuple,
    Void,
)
from System.Collections.Generic import KeyValuePair, List, SortedSet
from System.Linq import Enumerable
from System.Reflection import AssemblyName, BindingFlags, FieldAttributes, MethodAttributes, TypeAttributes
from System.Reflection.Emit import (
    AssemblyBuilder,
    AssemblyBuilderAccess,
    CustomAttributeBuilder,
    ModuleBuilder,
    OpCodes,
)
from System.Runtime.CompilerServices import RuntimeHelpers
from System.Threading import Monitor, ParameterizedThreadStart, Thread, ThreadState

COUNT = 100
SHARED = FieldAttributes.Public | FieldAttributes.Static
STRUCTS = {"Pair": KeyValuePair[String, Int32], "Maybe": Nullable[Int32], "Nothing": Nullable[Int32], "Price": Decimal}
PAIR = ValueTuple[String, Int32]
facts: dict[str, object] = {"ready": "unusual", "pid": os.getpid()}


def late_references() -> object:
    """Return a list of pairs of a decimal and a pair of a string, which nothing else keeps, and a number."""
    texts = String(",".join(f"late {number}" for number in range(COUNT))).Split(",")
    pairs = Enumerable.Zip[String, Int32](texts, Enumerable.Range(0, COUNT))
    decimals = Array.CreateInstance(clr.GetClrType(Decimal), COUNT)
    return Enumerable.ToList[ValueTuple[Decimal, PAIR]](Enumerable.Zip[Decimal, PAIR](decimals, pairs))


def moments() -> object:
    """Return an array of moments; facts have their texts."""
    offsets = (TimeSpan(-3, -30, 0), TimeSpan(14, 0, 0), TimeSpan.Zero)
    found = Array[DateTimeOffset]([DateTimeOffset(2024, 2, 29, 12, 34, 56, offset) for offset in offsets])
    facts["moments"] = [each.ToString("yyyy-MM-ddTHH:mm:sszzz") for each in found]
    return found


def module(name: str) -> ModuleBuilder:
    assembly = AssemblyBuilder.DefineDynamicAssembly(AssemblyName(name), AssemblyBuilderAccess.Run)
    return assembly.DefineDynamicModule(name)


def attribute(kind: object) -> CustomAttributeBuilder:
    return CustomAttributeBuilder(clr.GetClrType(kind).GetConstructor(Array[Type]([])), Array[Object]([]))


def quiet_statics() -> None:
    """Fill the statics of a type that no object is of and no other module refers to."""
    quiet = TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed
    made = module("Quiet").DefineType("Quiet.Holder", quiet)
    made.DefineField("Names", clr.GetClrType(List[String]), SHARED)
    made.DefineField("Count", clr.GetClrType(Int32), SHARED)
    for name, kind in STRUCTS.items():
        made.DefineField(name, clr.GetClrType(kind), SHARED)
    own = made.DefineField("Own", clr.GetClrType(String), SHARED)
    own.SetCustomAttribute(attribute(ThreadStaticAttribute))
    holder, names = made.CreateType(), List[String]()
    names.Add("a quiet name")
    holder.GetField("Names").SetValue(None, names)
    holder.GetField("Count").SetValue(None, Int32(4711))
    holder.GetField("Pair").SetValue(None, KeyValuePair[String, Int32]("key", 5))
    holder.GetField("Maybe").SetValue(None, Int32(-7))
    holder.GetField("Price").SetValue(None, Decimal(12.5))
    holder.GetField("Own").SetValue(None, "of one thread")


def wide() -> object:
    """Return an object of a type of a hundred arguments, strings and numbers in turn."""
    made = module("Wide").DefineType(f"Wide.Holder`{COUNT}", TypeAttributes.Public)
    parameters = made.DefineGenericParameters(*(f"T{number}" for number in range(COUNT)))
    for name, number in {"First": 0, "Last": COUNT - 1}.items():
        made.DefineField(name, parameters[number], FieldAttributes.Public)
    arguments = [clr.GetClrType(Int32 if number % 2 else String) for number in range(COUNT)]
    kind = made.CreateType().MakeGenericType(*arguments)
    found = Activator.CreateInstance(kind)
    kind.GetField("First").SetValue(found, "first")
    kind.GetField("Last").SetValue(found, Int32(COUNT))
    return found


def views() -> list[object]:
    """Return a view of a set of numbers, one of its end, and one of a set of texts."""
    numbers, texts = SortedSet[Int32](Enumerable.Range(0, COUNT)), SortedSet[String]()
    texts.Add("b")
    return [numbers.GetViewBetween(3, 5), numbers.GetViewBetween(90, 200), texts.GetViewBetween("a", "c")]


def abandoned() -> list[object]:
    """Return two objects that a thread has locked which has ended since, one of them with a hash code, and the thread.

    As long as there is something of it, no thread that starts later gets its managed id.
    """
    found = [Object(), Object()]
    RuntimeHelpers.GetHashCode(found[0])

    def enter_all() -> None:
        for each in found:
            Monitor.Enter(each)
        found.append(Thread.CurrentThread)

    thread = threading.Thread(target=enter_all)
    thread.start()
    thread.join()
    return found


def enum(made: ModuleBuilder, name: str, *attributes: object) -> Type:
    builder = made.DefineEnum(name, TypeAttributes.Public, clr.GetClrType(Int32))
    for each in attributes:
        builder.SetCustomAttribute(attribute(each))
    for member, number in {"A": 1, "B": 2, "C": 4, "Top": -(1 << 31)}.items():
        builder.DefineLiteral(member, Int32(number))
    return builder.CreateType()


def sleep_with(made: ModuleBuilder, flags: Type) -> None:
    """Have a thread sleep in ``Enums.Sleeper.Stay``: with the first and the last of the flags, a moment and a price."""
    builder = made.DefineType("Enums.Sleeper", TypeAttributes.Public)
    method = MethodAttributes.Public | MethodAttributes.Static
    nothing, number = clr.GetClrType(Void), clr.GetClrType(Int32)
    moment, price = clr.GetClrType(DateTime), clr.GetClrType(Decimal)
    stay = builder.DefineMethod("Stay", method, nothing, Array[Type]([flags, moment, price]))
    code = stay.GetILGenerator()
    code.Emit(OpCodes.Ldc_I4_M1)
    code.Emit(OpCodes.Call, clr.GetClrType(Thread).GetMethod("Sleep", Array[Type]([number])))
    code.Emit(OpCodes.Ret)
    run = builder.DefineMethod("Run", method, nothing, Array[Type]([clr.GetClrType(Object)]))
    code = run.GetILGenerator()
    code.Emit(OpCodes.Ldc_I4_1)
    code.Emit(OpCodes.Ldc_I4_S, SByte(31))
    code.Emit(OpCodes.Shl)
    code.Emit(OpCodes.Ldc_I4_1)
    code.Emit(OpCodes.Or)
    code.Emit(OpCodes.Ldsfld, moment.GetField("UnixEpoch"))
    code.Emit(OpCodes.Ldsfld, price.GetField("MinusOne"))
    code.Emit(OpCodes.Call, stay)
    code.Emit(OpCodes.Ret)
    body = builder.CreateType().GetMethod("Run").CreateDelegate(clr.GetClrType(ParameterizedThreadStart))
    thread = Thread(body)
    thread.IsBackground = True
    thread.Start(None)
    while not thread.ThreadState & ThreadState.WaitSleepJoin:
        time.sleep(0.01)


def numbers_of_enums() -> list[object]:
    """Return an array of sets of flags, the highest of which is the sign, and one of a plain enum; facts have texts."""
    made, found, texts = module("Enums"), [], {}
    flags, plain = enum(made, "Enums.Bits", FlagsAttribute), enum(made, "Enums.Plain")
    sleep_with(made, flags)
    for kind in (flags, plain):
        values = [Enum.ToObject(kind, Int32(number)) for number in (0, 1, 3, 7, 8, 9, -(1 << 31), 1 - (1 << 31))]
        array = Array.CreateInstance(kind, len(values))
        for index, value in enumerate(values):
            array.SetValue(value, index)
        texts[f"{kind}[]"] = [Enum.Format(kind, value, "G") for value in values]
        found.append(array)
    facts["enums"] = texts
    return found


def function_pointer() -> Type | None:
    """Return the type of a function pointer, which the library has fields of from 8 on."""
    every = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic
    fields = (field for kind in clr.GetClrType(Object).Assembly.GetTypes() for field in kind.GetFields(every))
    kinds = (field.FieldType for field in fields)
    return next((kind for kind in kinds if getattr(kind, "IsFunctionPointer", False)), None)


def functions() -> object:
    """Return an array that holds an array of three function pointers, of which Python cannot make an object."""
    function = function_pointer()
    if function is None:
        return None
    signature = Array[Type]([clr.GetClrType(Type), clr.GetClrType(Int32)])
    create = clr.GetClrType(Array).GetMethod("CreateInstance", signature)
    made = create.CreateDelegate(clr.GetClrType(Func[Int32, Array]), function)
    return Enumerable.ToArray[Array](Enumerable.Select[Int32, Array](Enumerable.Repeat[Int32](3, 1), made))


def compounds() -> object:
    """Return types that are made of others; facts have their names as reflection writes them."""
    number, text = clr.GetClrType(Int32), clr.GetClrType(String)
    pointers = clr.GetClrType(Void).MakePointerType().MakePointerType(), number.MakePointerType().MakeArrayType()
    found = [number.MakePointerType(), text.MakeByRefType(), *pointers, number.MakeArrayType(3).MakeByRefType()]
    if function := function_pointer():
        found += [function, function.MakeArrayType(), function.MakePointerType()]
    facts["compounds"] = [str(each) for each in found]
    return found


quiet_statics()
kept = [late_references(), moments(), compounds(), functions(), wide(), *views(), *numbers_of_enums(), *abandoned()]
GC.Collect()
sys.stdout.write(f"{json.dumps(facts)}\n")
sys.stdout.flush()
sys.stdin.read()
os._exit(0)
