"""Bounds on counts and sizes read from untrusted input.

A parser compares every count with what can be there (the bytes that remain) first, and with a limit from here
where that alone would still allow an absurd amount of work or memory. Nothing here is tuned: each bound is well
above anything seen in the wild, and its comment says why.
"""

# The kernel, and the diagnostics of a runtime

IPC_MESSAGE = 0xFFFF
"""A diagnostics IPC message, header included: its size field is 16 bits wide."""

PROC_FILE = 64 << 20
"""Text of one /proc file: 64,000 maps lines are about 8 MB."""

SMAPS_FILE = 1 << 30
"""Text of /proc/PID/smaps, which is never whole in memory: 65,530 regions are 50 MB, and some allow a million."""

# Core files

NOTE_SEGMENT = 1 << 30
"""PT_NOTE of a core: 20,000 threads with 10 KB of registers each are 200 MB."""

NOTES = 1 << 21
"""Notes of a core: 20,000 threads with ten each are a tenth."""

PROGRAM_HEADERS = 1 << 22
"""Segments of a core: ``vm.max_map_count`` is 65,530 by default and some set a million."""

FRAMES = 1 << 24
"""Frames of a compressed core: those that we write have 256 KiB each, which makes 4 TiB."""

SMALL_FRAMES, SMALL_FRAME = 1 << 16, 4096
"""So many frames that hold less than so many bytes each are nobody's core: looking at them all only costs time."""

LINK_MAP = 1 << 16
"""Loaded files in the dynamic linker's list."""

# Loaded files and their symbols

LOADED_HEADERS = 256
"""Segments of a file that is loaded: large ones have fifteen."""

SECTION_HEADERS = 1 << 20
"""Sections of an ELF file: ``-ffunction-sections`` objects have a few 100,000."""

LINKED_SECTIONS = 1 << 14
"""Sections of a linked file, or of one of symbols, that are looked at: large ones have a hundred."""

IMAGE_NOTES = 1 << 20
"""PT_NOTE of one loaded file: build-ids, ABI tags and packaging notes are a few kilobytes."""

SYMBOLS = 1 << 24
"""Symbols of one ELF file: browsers with full symbol tables have about two million."""

STRING_TABLE = 1 << 30
"""Names of one symbol table."""

RELOCATIONS = 1 << 24
"""Dynamic relocations of one file: browsers have about a million."""

DEBUG_DATA = 256 << 20
"""What a compressed section may unpack to: call frame information of one file."""

MINI_DEBUG_DATA = 64 << 20
"""What .gnu_debugdata may unpack to: names of the functions of one file, those of a browser are a third."""

COMPARED_TEXT = 1 << 28
"""Read-only bytes of one file that are compared with memory: large programs have 200 MB."""

# Call frame information and walks

CFI_ENTRY = 1 << 20
"""Bytes of one entry of .eh_frame: functions that generators write, of a megabyte of code, have 20 KB."""

CFI_INSTRUCTIONS = 1 << 17
"""Call frame instructions that are run to find one row."""

CFI_REGISTERS = 128
"""DWARF numbers of registers that have rules: the vector registers of arm64 end at 127."""

CFI_STATES = 64
"""States that call frame instructions remember one in another: compilers nest two."""

CFI_FUNCTIONS = 1 << 22
"""Functions in the table of .eh_frame_hdr: browsers have a million."""

EXPRESSION_STEPS = 1 << 12
"""Operations of one DWARF expression: those of signal frames and of PLTs have less than twenty."""

EXPRESSION_STACK = 256
"""Values on the stack of one DWARF expression."""

CHAINED_UNWIND_INFO = 32
"""Unwind information of one function in pieces: ``UNWIND_CHAIN_LIMIT`` of the runtime."""

STACK_SIZE = 256 << 20
"""Bytes of one thread's stack that are looked through: the mapping it is in may be larger than the stack."""

STACK_FRAMES = 1 << 18
"""Frames of one thread: recursion through 8 MiB in steps of 32 bytes."""

STACK_FRAMES_IN_ALL = 1 << 21
"""Frames of all threads that are kept at a time: 2,000 threads of 1,000 frames; each is some 200 bytes."""

SIGNAL_FRAMES = 64
"""Signal frames of one thread: each may lie on another stack, so these cannot be told from a loop by their address."""

UNWINDING_EFFORT = 1 << 26
"""Instructions, expressions and frames of all walks through one target: a million functions of 30 bytes are half.

As much again to find the code that they come to: ten steps for each place.
"""

# What a runtime says of itself

RUNTIME_REGION = 1 << 30
"""Bytes of one mapping of a runtime's file that are searched for its version: the largest programs have 200 MB."""

DESCRIPTOR_TEXT = 4 << 20
"""JSON of a contract descriptor: 10.0 has 11 KB."""

DESCRIPTOR_POINTERS = 1 << 16
"""Pointers beside a contract descriptor: 10.0 has 24."""

SUB_DESCRIPTORS = 64
"""Descriptors that one contract descriptor leads to: 11 has one, the garbage collector's."""

STRUCTURE_SIZE = 1 << 24
"""Size of a runtime structure, and of an offset into one: the largest seen, gc_heap, is below 64 KB."""

DEBUG_HEADER_ENTRIES = 1 << 14
"""Entries in a table of NativeAOT's debug header: 10.0 has fewer than 100."""

# The heap, and what keeps its objects

GC_HEAPS = 1024
"""Heaps of a server collector: one for each processor, of which the collector uses 1024 at most."""

GC_GENERATIONS = 8
"""Generations of a heap, those of large and pinned objects included: 3.1 has 4, later ones have 5."""

GC_SEGMENTS = 1 << 22
"""Segments or regions in one generation: regions of 4 MiB make 16 TB of them."""

GC_SEGMENT_SIZE = 1 << 44
"""Bytes in one segment, whose end in memory cannot be believed."""

HEAP_BLOCKS = 1 << 28
"""Blocks of 4 MiB between the first and the last object: a petabyte of addresses."""

HEAP_PROBLEMS = 1000
"""Damaged places of a heap that are named one by one."""

OBJECT_SIZE = 1 << 36
"""Bytes of one object: an array of 2^31 elements of 16 bytes is half of it."""

OBJECT_BASE_SIZE = 1 << 26
"""Bytes of an object without its components: fields of 64 MiB no compiler accepts."""

INVALID_METHOD_TABLES = 1 << 20
"""Different words in the place of a MethodTable that are none, before no more are looked at: each costs 32 bytes."""

GC_DESC_SERIES = 1 << 15
"""Series of references in one type: a structure of that many alternating fields no compiler makes."""

HANDLE_TABLE_MAPS = 1 << 16
"""Maps of handle tables, and buckets in one: ten suffice for every runtime seen."""

HANDLE_SEGMENTS = 1 << 16
"""Segments of one handle table: half a billion handles."""

HANDLE_BLOCKS = 1 << 12
"""Blocks in a segment of handles, and handles in a block: 120 and 64 in every version."""

HANDLES_IN_ALL = 1 << 24
"""GC handles of one runtime, with empty slots between: leaks are of millions; each is some 150 bytes."""

FINALIZABLE_OBJECTS = 1 << 32
"""Objects with finalizers in one part of a heap's queue."""

DYNAMIC_STATICS = 1 << 24
"""Types of one module whose statics were made room for one by one."""

IN_FLIGHT_STATICS = 1 << 12
"""Thread statics of one thread whose class constructor is running."""

INDEX_TABLE = 64 << 20
"""The table of an index file: a dozen columns, and a thousand problems by name."""

# Code and its methods

RANGE_SECTIONS = 1 << 16
"""Sections of code in one chunk of addresses, or in the list of 3.1: one for each image and each heap of 64 KiB."""

NIBBLE_MAP_UNITS = 1 << 16
"""Empty units of a nibble map before a method: 256 bytes of code each, so a method of 16 MiB."""

READY_TO_RUN_SECTIONS = 1 << 8
"""Sections of a ready-to-run image: 10 has thirty."""

RUNTIME_FUNCTIONS = 1 << 24
"""Functions of one ready-to-run image: the whole framework in one has half a million."""

HASH_MAP_BUCKETS = 1 << 24
"""Buckets of one hash table of the runtime: one for three prepared methods of an image."""

METHOD_SIZE = 1 << 28
"""Bytes of code of one method."""

FUNCLETS = 1 << 14
"""Functions of one method: its body and its handlers."""

EXCEPTION_CLAUSES = 1 << 14
"""Handlers of one method."""

CODE_BLOCKS_KEPT = 1 << 17
"""Instruction pointers whose code is remembered: 40,000 frames have fewer than 2,000 different ones."""

FCALLS_OF_BUCKET = 1 << 12
"""Functions of the runtime in one of 127 buckets: there are some 500 in all."""

GC_INFO_SIZE = 1 << 20
"""Bytes of GC info of one method: methods that generators write, of a megabyte of code, have a tenth."""

GC_INFO_SLOTS = 1 << 17
"""Places of references in one method: the compiler tracks 1,024 variables, fields of temporaries come on top."""

GC_INFO_CHUNKS = 1 << 17
"""Chunks of 64 places in the interruptible code of one method: eight million bytes."""

GC_REF_MAP_SIZE = 1 << 12
"""Bytes that say which words of the arguments of one call are references: each stands for three or four words."""

DEBUG_BOUNDS = 1 << 22
"""Bytes that say which IL the code of one method comes from: two for each instruction of IL."""

PATCHPOINT_LOCALS = 1 << 16
"""Locals of a method that is replaced while it runs: IL numbers no more."""

NATIVE_METHODS = 1 << 22
"""Methods of one NativeAOT program: large ones have some hundred thousand."""

# Assemblies, metadata, types and names

ASSEMBLIES = 1 << 17
"""Assemblies of one application domain: servers that compile at run time have some 10,000."""

ASSEMBLY_FILE = 1 << 31
"""Bytes of an assembly's file."""

LOADED_MODULES = 1 << 16
"""Modules of a runtime: programs that generate assemblies have thousands."""

DYNAMIC_METADATA = 64 << 20
"""Bytes of metadata of a module made at run time: a thousand types take one MiB."""

NATIVE_BLOB = 1 << 30
"""One section of what a NativeAOT program carries for reflection: large programs have some ten megabytes."""

PDB = 1 << 29
"""Bytes of a portable PDB: those of the largest frameworks have 20 MB."""

DOCUMENT_NAME = 1 << 15
"""Characters of a source file's path."""

LOOKUP_MAP_BLOCKS = 1 << 10
"""Blocks of a module's table of types: each is larger than all before it."""

LOOKUP_MAP_ENTRIES = 1 << 24
"""Types in one block of a module's table: row ids have 24 bits."""

CONSTRUCTED_TYPES = 1 << 20
"""Constructed types of one module: CoreLib of a large server has some ten thousand."""

KEPT_ARGUMENTS = 1 << 23
"""Arguments of all constructed types of one module."""

LOADED_TYPES = 1 << 24
"""Places for types in the tables of all modules that are looked through: a thousand assemblies have a million."""

NO_TYPE = 64
"""What a place costs in which no type can be read: finding that out takes 30 us, and a damaged table has millions."""

TYPE_ARGUMENTS = 1 << 10
"""Arguments of one generic type or method: a person writes a handful, generators a hundred."""

SIGNATURE_TYPES = 1 << 12
"""Types in one list of a signature."""

INTERFACES = 1 << 12
"""Interfaces of one type: types of code generators have a few dozen."""

BASE_TYPES = 256
"""Types that one derives from, one from the other: deep hierarchies have twenty."""

ARRAY_RANK = 32
"""Dimensions of an array: the runtime allows no more."""

NAME_NESTING = 64
"""Namespaces and types around a type."""

NAME_PARTS = 1 << 12
"""Types that one name is made of: those that code generators nest have a hundred."""

NAME_LENGTH = 1 << 16
"""Characters of one name of a type or a list of parameters: those of nested state machines have a thousand."""

# Threads

MANAGED_THREADS = 1 << 18
"""Threads of one runtime: the kernel gives a process 32,768 by default, and dead ones stay listed for a while."""

LISTED_THREADS = 1 << 20
"""Threads in all lists that are looked through for the one that is the runtime's: one is met, or a few."""

EXPLICIT_FRAMES = 1 << 16
"""Frames of one thread's chain: each call from managed code into the runtime takes some hundred bytes of stack."""

PROTECTED_OBJECTS = 1 << 16
"""Variables of native code that one record of the runtime protects: the arguments of a call through reflection."""

NESTED_EXCEPTIONS = 1 << 12
"""Exceptions of one thread, each thrown while the one before was handled: it takes stack for each."""

SYNC_BLOCKS = 1 << 26
"""Sync blocks of a runtime: an object's header has 26 bits for the index."""

BLOCKING_ITEMS = 64
"""Monitors that one thread waits for at a time: it is one, and more only where a wait runs other code meanwhile."""

WAITING_STACK = 1 << 16
"""Bytes of a stack that are searched for the object that its thread waits for: a few frames of the library."""

READER_COUNTS = 1 << 12
"""Locks that one thread has read under and keeps counts of: it uses them again, so there are as many as at a time."""

# What objects of the library say

FIELDS_SHOWN = 1 << 12
"""Fields of one object, and of the structs in it, that are shown: classes that generators write have hundreds."""

BUILDER_TEXT = 1 << 28
"""Characters of one ``StringBuilder``: a string cannot have more than 2^30, and most end long before."""

INNER_EXCEPTIONS = 1 << 10
"""Exceptions one in another, and beside each other in one ``AggregateException``."""

TASK_CONTINUATIONS = 1 << 20
"""What waits for one task: a task that everything waits for, as of a start that is not done, has thousands."""

AWAITER_DEPTH = 4
"""Structs in structs of an awaiter: those of the library have three."""

ASYNC_FRAMES = 1 << 22
"""Frames of all asynchronous stacks together."""
