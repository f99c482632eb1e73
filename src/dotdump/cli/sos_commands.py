"""Where the commands of SOS, those of ``dotnet-dump analyze`` and of debuggers that load it, are here.

There is no session: each question is a command of its own, and what makes the next one quick lies beside the core.
"""

from __future__ import annotations

from textwrap import fill

_SESSION = (("help --sos", "there is no session: each of its commands is one of its own"),)
_OBJECT = (("object CORE ADDRESS", "its fields, elements, items or text, and what a delegate calls"),)
_MEMORY = (
    ("memory CORE ADDRESS 64", "bytes and characters"),
    ("memory CORE ADDRESS 64 --as words", "words of 8 bytes"),
    ("memory CORE ADDRESS 4096 --as strings", "texts"),
)
_TYPES = (
    ("heap CORE --wide", "MethodTables and names of types; every command takes a REGEX of names"),
    ("statics CORE --type REGEX", "static fields by Type.Field"),
    ("address CORE ADDRESS", "what a MethodTable, a MethodDesc or a place in code is"),
)
_LOCATE = (("address CORE ADDRESS", "the method, object, type, file or stack that it is in"),)
_THREADS = (
    ("threads CORE", "every thread, with what the runtime says of it"),
    ("stacks CORE --thread ID", "one of them: there is none that is the current one"),
)
_PARALLEL = (("stacks CORE --parallel", "equal stacks once, with what their threads wait for"),)
_POOL = (
    ("locks CORE", "says when its threads starve"),
    *_PARALLEL,
    (r"objects CORE --type 'PortableThreadPool$' --fields _minThreads,_maxThreads,_cpuUtilization", "from 8 on"),
    (r"objects CORE --type 'ThreadPoolWorkQueue$' --fields workItems", "whose 'object' lists what is queued"),
)
_TASKS = (("tasks CORE", "asynchronous methods that wait, and who awaits them"),)
_TASK = (("object CORE ADDRESS", "its status"), *_TASKS)
_EXCEPTIONS = (
    ("exceptions CORE --held", "those of threads and tasks, with what led to them"),
    ("exceptions CORE", "all of the heap"),
)
_FINALIZERS = (
    ("finalizers CORE", "by type"),
    ("finalizers CORE --ready --objects", "those whose finalizer is to run, one by one"),
)
_OF_ANY_CORE = (("info CORE", "the runtime, its version, the process"),)
_SEGMENTS = (("segments CORE", "segments or regions, what is used, committed, reserved"),)
_GENERATION = (
    ("heap CORE --generation gen2", "by type"),
    ("objects CORE --generation gen2", "one by one"),
)
_MODULES = (("modules CORE", "ELF files with build ids, and assemblies with versions"),)
_CRASH = (("crash CORE", "why it died, in a paragraph"), ("crashreport CORE", "createdump's JSON of it"))
_NEAR = (("object CORE ADDRESS", "generation and size of an object"), *_LOCATE)
_SYMBOLS = (
    ("stacks CORE --native --symbols DIR", "names from files of symbols; none are downloaded"),
    ("info CORE --sysroot DIR", "the target's files, where they are not in their own place; no DAC is needed"),
)

Lines = tuple[tuple[str, str], ...]

_COUNTERPARTS: tuple[tuple[str, Lines], ...] = (
    ("analyze dbgout exit ext logclose logging logopen q quit sos sosflush soshelp", _SESSION),
    ("assemblies clrmodules dumpassembly dumpdomain dumpmodule lm modules", _MODULES),
    (
        "clrstack",
        (
            ("stacks CORE", "managed frames of all threads"),
            ("stacks CORE --thread ID --args --locals", "-a, -p, -l"),
            ("stacks CORE --native", "-f"),
            ("stacks CORE --objects", "-gc"),
            ("threads CORE --registers", "-r"),
        ),
    ),
    ("clrthreads threads setthread threadstate", _THREADS),
    ("crashinfo clrma", _CRASH),
    ("d db dc dd dp dq readmemory", _MEMORY),
    ("da du dw", _MEMORY),
    (
        "dumparray dumpconcurrentdictionary dcd dumpconcurrentqueue dcq dumpdelegate dumpobj dumpobjgcrefs do dumpvc",
        _OBJECT,
    ),
    ("dumpasync", _TASKS),
    ("dumpexceptions printexception pe", _EXCEPTIONS),
    ("dumpgen dg", _GENERATION),
    (
        "dumpalc",
        (
            (r"objects CORE --type 'AssemblyLoadContext$' --fields _name,_state", "contexts, and which are unloading"),
            (r"roots CORE '^System\.Reflection\.LoaderAllocator$'", "what keeps those that cannot be unloaded"),
        ),
    ),
    (
        "dumpheap",
        (
            ("heap CORE", "-stat; also with --live, --dead, --generation"),
            ("objects CORE --type REGEX --min-size 1K --max-size 1M", "-type, -mt, -min, -max"),
            ("objects CORE --range START-END --format csv", "a range, for pipes"),
            ("strings CORE", "-strings"),
            ("locks CORE", "-thinlock"),
        ),
    ),
    (
        "dumphttp",
        (
            ("tasks CORE --type System.Net.Http", "requests under way"),
            (r"objects CORE --type '^System\.Net\.Http\.HttpRequestMessage$' --fields _requestUri._string", "all"),
        ),
    ),
    ("dumpmt dumpmd dumpclass ip2md", _LOCATE),
    ("dumprequests", ((r"objects CORE --type 'DefaultHttpContext$'", "ASP.NET's; tasks CORE says where each waits"),)),
    ("dumpruntimetypes", ((r"objects CORE --type '^System\.RuntimeType$'", "object CORE ADDRESS names the type"),)),
    ("dumpstackobjects dso", (("stacks CORE --objects", "what each frame keeps, and where"),)),
    ("eeheap", (*_SEGMENTS, ("info CORE", "all memory by what it is for"))),
    ("eestack dumpstack", (("stacks CORE --native", "native and managed frames"),)),
    ("eeversion runtimes sosstatus", _OF_ANY_CORE),
    ("finalizequeue fq", _FINALIZERS),
    (
        "gchandles gchandleleaks",
        (("handles CORE", "one by one"), ("handles CORE --by-type --kind Pinned", "-stat, -type")),
    ),
    ("gcheapstat heapstat", (("heap CORE", "its second table: each generation, and what of it is free"),)),
    ("gcroot", (("roots CORE ADDRESS", "ways from roots"), ("roots CORE REGEX", "to all objects of a type"))),
    ("gcwhere listnearobj lno", _NEAR),
    ("findroots", (("roots CORE REGEX", "to all objects of a type"), *_GENERATION)),
    ("loadsymbols setclrpath setsymbolserver", _SYMBOLS),
    ("maddress", (("info CORE", "all memory by what it is for"), *_LOCATE)),
    ("name2ee token2ee", _TYPES),
    (
        "objsize pathto",
        (
            ("object CORE ADDRESS", "'retains': what would go with it; and what refers to it"),
            ("retained CORE --of ADDRESS", "what goes with it, object by object"),
            ("roots CORE ADDRESS", "ways from roots"),
        ),
    ),
    ("pstacks parallelstacks", _PARALLEL),
    ("registers r", (("threads CORE --registers", "of every thread"),)),
    ("sizestats", (("objects CORE --sort size --limit 20", "the largest"), ("heap CORE", "bytes by type"))),
    ("syncblk", (("locks CORE", "owners, who waits for whom, deadlocks; thin locks and library locks, too"),)),
    ("taskstate tks", _TASK),
    ("threadpool threadpoolqueue tpq", _POOL),
    (
        "timerinfo ti",
        ((r"objects CORE --type TimerQueueTimer$ --fields _dueTime,_period,_state,_timerCallback", "in milliseconds"),),
    ),
    ("traverseheap", (("objects CORE --format csv", "every object; heap.graph() has the references in Python"),)),
    (
        "verifyheap verifyobj",
        (("heap CORE", "what cannot be walked is a warning, and the exit code 3"), ("verify CORE", "the core itself")),
    ),
)

_WITHOUT = """
analyzeoom bpmd comstate dumpccw dumpgcdata dumpil dumplog dumppermissionset dumprcw dumpsig dumpsigelem ehinfo enummem
ephrefs ephtoloh findappdomain findpointersin gcinfo gctonative histclear histinit histobj histobjfind histroot
histstats hof minidumpmode notreachableinrange rcwcleanuplist savemodule stoponcatch suppressjitoptimization u
watsonbuckets
"""
"""Commands that nothing here answers."""

SOS: dict[str, Lines] = {name: lines for names, lines in (*_COUNTERPARTS, (_WITHOUT, ())) for name in names.split()}
"""By the name of a command of SOS in small letters: arguments of ``dotdump`` that ask the same, and what they say."""


def counterpart(name: str) -> str | None:
    """Return lines that say how to ask here what ``name`` asks in SOS; None where that is no command of SOS.

    Its commands are known in whatever case, and with a debugger's ``!`` before them.
    """
    lines = SOS.get(name.lower().lstrip("!"))
    if lines is None:
        return None
    if not lines:
        return f"nothing here does what {name} does in SOS"
    return "\n".join([f"what SOS calls {name}:", *_shown(lines)])


def listing() -> str:
    """Return the whole table, a paragraph for each command of SOS."""
    paragraphs = ["\n".join([", ".join(names.split()), *_shown(lines)]) for names, lines in _COUNTERPARTS]
    return "\n\n".join([*paragraphs, f"without a counterpart\n{fill(', '.join(_WITHOUT.split()), 100)}"])


def _shown(lines: Lines) -> list[str]:
    width = max((len(words) for words, _ in lines), default=0)
    return [f"  dotdump {words:<{width}}  {what}" for words, what in lines]
