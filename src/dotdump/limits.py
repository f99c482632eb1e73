"""Bounds on counts and sizes read from untrusted input.

A parser compares every count with what can be there (the bytes that remain) first, and with a limit from here
where that alone would still allow an absurd amount of work or memory. Nothing here is tuned: each bound is well
above anything seen in the wild, and its comment says why.
"""

IPC_MESSAGE = 0xFFFF
"""A diagnostics IPC message, header included: its size field is 16 bits wide."""

PROC_FILE = 64 << 20
"""Text of one /proc file: 64,000 maps lines are about 8 MB."""

NOTE_SEGMENT = 1 << 30
"""PT_NOTE of a core: 20,000 threads with 10 KB of registers each are 200 MB."""

PROGRAM_HEADERS = 1 << 22
"""Segments of a core: ``vm.max_map_count`` is 65,530 by default and some set a million."""

SECTION_HEADERS = 1 << 20
"""Sections of an ELF file: ``-ffunction-sections`` objects have a few 100,000."""

SYMBOLS = 1 << 24
"""Symbols of one ELF file: browsers with full symbol tables have about two million."""

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

IMAGE_NOTES = 1 << 20
"""PT_NOTE of one loaded file: build-ids, ABI tags and packaging notes are a few kilobytes."""

STRING_TABLE = 1 << 30
"""Names of one symbol table."""

RELOCATIONS = 1 << 24
"""Dynamic relocations of one file: browsers have about a million."""

DEBUG_DATA = 256 << 20
"""What .gnu_debugdata may unpack to: the symbols of one file."""

LINK_MAP = 1 << 16
"""Loaded files in the dynamic linker's list."""

GC_HEAPS = 1024
"""Heaps of a server collector: one for each processor, of which the collector uses 1024 at most."""

GC_GENERATIONS = 8
"""Generations of a heap, those of large and pinned objects included: 3.1 has 4, later ones have 5."""

GC_SEGMENTS = 1 << 22
"""Segments or regions in one generation: regions of 4 MiB make 16 TB of them."""

GC_SEGMENT_SIZE = 1 << 44
"""Bytes in one segment, whose end in memory cannot be believed."""

OBJECT_BASE_SIZE = 1 << 26
"""Bytes of an object without its components: fields of 64 MiB no compiler accepts."""

INVALID_METHOD_TABLES = 1 << 20
"""Different words in the place of a MethodTable that are none, before no more are looked at: each costs 32 bytes."""

OBJECT_SIZE = 1 << 36
"""Bytes of one object: an array of 2^31 elements of 16 bytes is half of it."""

HEAP_PROBLEMS = 1000
"""Damaged places of a heap that are named one by one."""

GC_DESC_SERIES = 1 << 15
"""Series of references in one type: a structure of that many alternating fields no compiler makes."""

HEAP_BLOCKS = 1 << 28
"""Blocks of 4 MiB between the first and the last object: a petabyte of addresses."""

INDEX_TABLE = 64 << 20
"""The table of an index file: a dozen columns, and a thousand problems by name."""

INTERFACES = 1 << 12
"""Interfaces of one type: types of code generators have a few dozen."""

BASE_TYPES = 256
"""Types that one derives from, one from the other: deep hierarchies have twenty."""

LOOKUP_MAP_BLOCKS = 1 << 10
"""Blocks of a module's table of types: each is larger than all before it."""

CONSTRUCTED_TYPES = 1 << 20
"""Constructed types of one module: CoreLib of a large server has some ten thousand."""

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

STACK_FRAMES = 1 << 18
"""Frames of one thread: recursion through 8 MiB in steps of 32 bytes."""

SIGNAL_FRAMES = 64
"""Signal frames of one thread: each may lie on another stack, so these cannot be told from a loop by their address."""

STACK_FRAMES_IN_ALL = 1 << 21
"""Frames of all threads that are kept at a time: 2,000 threads of 1,000 frames; each is some 200 bytes."""

UNWINDING_EFFORT = 1 << 26
"""Instructions, expressions and frames of all walks through one target: a million functions of 30 bytes are half."""
