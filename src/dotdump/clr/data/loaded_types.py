"""Structures that describe types and where they come from, as the loader lays them out.

Source of truth: methodtable.h, class.h, typedesc.h, ceeload.h, peassembly.h, peimage.h of each version; the
descriptors of 9 and 10 for what they name.
"""

from __future__ import annotations

from dotdump.clr.data.struct import Field, Struct


class MethodTable(Struct):
    """A loaded type. ``module`` is that of its definition from 9 on; before, ``loader_module`` stands in its place."""

    layout = "MethodTable"
    flags = Field("MTFlags", kind="uint32")
    flags2 = Field("MTFlags2", kind="uint32")
    base_size = Field("BaseSize", kind="uint32")
    token = Field("Token", kind="uint16")
    virtuals = Field("NumVirtuals", kind="uint16")
    module = Field("Module")
    loader_module = Field("LoaderModule")
    parent = Field("ParentMethodTable")
    class_or_canonical = Field("EEClassOrCanonMT")
    instantiation = Field("PerInstInfo")
    interface_count = Field("NumInterfaces", kind="uint16")
    interfaces = Field("InterfaceMap")


class EEClass(Struct):
    """What all instantiations of a type over references have in common."""

    layout = "EEClass"
    fields = Field("FieldDescList")
    padding = Field("BaseSizePadding", kind="uint8")
    optional = Field("OptionalFields")


class EEClassOptionalFields(Struct):
    """What few types need; up to 8 the number of a type whose statics were made room for by itself."""

    layout = "EEClassOptionalFields"
    number = Field("ModuleDynamicID", kind="uint32")


class FieldDesc(Struct):
    """A field that is no literal: two words of bits, of which ``clr.contracts.field_descs`` knows the meaning."""

    layout = "FieldDesc"
    method_table = Field("MTOfEnclosingClass")
    first = Field("DWord1", kind="uint32")
    second = Field("DWord2", kind="uint32")


class ArrayClass(Struct):
    """The EEClass of an array type."""

    layout = "ArrayClass"
    rank = Field("Rank", kind="uint8")


class TypeDesc(Struct):
    """What stands for types that have no method table: pointers, references, type variables."""

    layout = "TypeDesc"
    type_and_flags = Field("TypeAndFlags", kind="uint32")


class ParamTypeDesc(Struct):
    """A pointer or reference to ``argument``, a TypeHandle; in 3.1 an array too, of the shape of ``template``."""

    layout = "ParamTypeDesc"
    template = Field("TemplateMT")
    argument = Field("TypeArg")


class Module(Struct):
    """A module of an assembly."""

    layout = "Module"
    pe_assembly = Field("PEAssembly")
    path = Field("Path")
    constructed_types = Field("AvailableTypeParams")


class ReflectionModule(Struct):
    """A module made at run time: what it has besides lies far behind what is read of every module."""

    layout = "Module"
    dynamic_metadata = Field("DynamicMetadata")


class DynamicMetadata(Struct):
    """The metadata of a module made at run time: up to 8 elsewhere, at ``buffer``, then in its own field ``Data``."""

    layout = "DynamicMetadata"
    size = Field("Size", kind="uint32")
    buffer = Field("Buffer")


class ModuleLookupMap(Struct):
    """Blocks of a table from row id to address, one after the other."""

    layout = "ModuleLookupMap"
    next = Field("Next")
    table = Field("TableData")
    count = Field("Count", kind="uint32")


class EETypeHashTable(Struct):
    """The constructed types of a module; only in 3.1 ``bucket_count`` stands beside the buckets and not in them."""

    layout = "EETypeHashTable"
    buckets = Field("Buckets")
    bucket_count = Field("BucketCount", kind="uint32")
    count = Field("Count", kind="uint32")


class EETypeHashEntry(Struct):
    """One constructed type; the end of its bucket's chain is null, or a tagged address."""

    layout = "EETypeHashTable"
    value = Field("VolatileEntryValue")
    next = Field("VolatileEntryNextEntry")


class PeAssembly(Struct):
    """The file of an assembly."""

    layout = "PEAssembly"
    image = Field("PEImage")


class PeImageRecord(Struct):
    """The runtime's own record of a PE file: the layouts in which it is in memory."""

    layout = "PEImage"
    loaded = Field("LoadedImageLayout")
    flat = Field("FlatImageLayout")


class PeImageLayout(Struct):
    """One layout of a PE file in memory."""

    layout = "PEImageLayout"
    base = Field("Base")


class ArrayListBlock(Struct):
    """Some elements of an ArrayList, ``size`` of them at most."""

    layout = "ArrayListBlock"
    next = Field("Next")
    size = Field("Size", kind="uint32")


class ArrayListBase(Struct):
    """A list of pointers in blocks, of which the first is within it."""

    layout = "ArrayListBase"
    count = Field("Count", kind="uint32")


class DomainAssembly(Struct):
    """An assembly as the application domain lists it."""

    layout = "DomainAssembly"
    assembly = Field("Assembly")


class Assembly(Struct):
    """An assembly; ``module`` is the one that has its manifest, and the only one since .NET Core."""

    layout = "Assembly"
    module = Field("Module")
