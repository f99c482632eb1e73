"""``dotdump stacks``: what every thread of a core or of a process was doing."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer, tell_heap_damage, warn_of
from dotdump.cli.listing_arguments import count
from dotdump.cli.registry import Exit
from dotdump.cli.target_arguments import add_target, open_target
from dotdump.cli.together import given, not_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

    from dotdump.analysis.lock_owners import ThreadRef
    from dotdump.analysis.stacks import StackList, ThreadStack
    from dotdump.cli.console import Console
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Target

EXAMPLES = """\
  dotdump stacks core.4711                             managed frames of every thread of a .NET program
  dotdump stacks -p 4711                               of a process that runs, which stands still for a moment
  dotdump stacks core.4711 --native                    native frames too, between them; of any program
  dotdump stacks core.4711 --parallel                  equal stacks as one, with what their threads wait for
  dotdump stacks core.4711 --objects                   with the objects that each frame keeps
  dotdump stacks core.4711 --args --locals             with arguments and locals, where code still keeps them
  dotdump stacks core.4711 --thread 4713               of one thread, by its id of the system or its managed one
  dotdump stacks core.4711 --use-dac                   what the runtime's own debugging library says, to compare
  dotdump stacks core.4711 --native --symbols ./debug  with names from separate files of symbols
  dotdump stacks core.4711 --format json"""

_NOT_OF = {
    "parallel": ("frames", "native", "args", "locals", "objects", "use-dac"),
    "use-dac": ("native", "args", "locals", "objects"),
}
"""What a way to show stacks has not."""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser)
    parser.add_argument("--native", action="store_true", help="show native frames and all threads")
    parser.add_argument(
        "--parallel", action="store_true", help="show equal stacks once, and in words what their threads wait for"
    )
    parser.add_argument("--all", action="store_true", help="with --parallel: idle threads of the library, too")
    parser.add_argument("--objects", action="store_true", help="show the objects that each managed frame keeps alive")
    parser.add_argument("--args", action="store_true", help="show the arguments of managed methods")
    parser.add_argument("--locals", action="store_true", help="show the local variables of managed methods")
    parser.add_argument(
        "--use-dac",
        action="store_true",
        help="ask the debugging library beside the runtime on this machine; only for a dump that is trusted",
    )
    parser.add_argument(
        "--thread", metavar="ID", type=count, action="append", default=[], help="only this thread; may be repeated"
    )
    parser.add_argument("--frames", metavar="N", type=count, help="at most N frames of each thread")


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where something is damaged, 1 where a thread that was asked for is not there."""
    for mode, others in _NOT_OF.items():
        if given(arguments, mode) and (apart := given(arguments, *others)):
            return not_together(console, f"--{mode}", apart)
    if arguments.parallel:
        return _run_parallel(arguments, console)
    if arguments.all:
        console.error("--all is only for --parallel: other stacks are those of all threads", "see --help")
        return Exit.USAGE
    from dotdump.report.stacks import render_stacks

    with open_target(arguments, console) as target:
        stacks = _stacks(target, arguments, console)
    warn_of(stacks.problems, console)
    _require_threads(arguments, stacks.threads)
    print_answer(console, "dotdump/stacks/1", stacks, partial(render_stacks, stacks))
    return Exit.PROBLEMS if stacks.problems else Exit.DONE


def _require_threads(arguments: Namespace, threads: Iterable[ThreadStack | ThreadRef]) -> None:
    """Raise ``NotFound`` where a thread that was asked for is not among these."""
    from dotdump.errors import NotFound

    missing = set(arguments.thread).difference(*((thread.os_id, thread.managed_id) for thread in threads))
    if missing:
        raise NotFound(
            f"no thread {', '.join(map(str, sorted(missing)))}", hint="'dotdump threads CORE' lists those of a core"
        )


def _run_parallel(arguments: Namespace, console: Console) -> int:
    from dotdump.analysis.parallel_stacks import stack_groups
    from dotdump.cli.progress import ProgressLine
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.report.parallel_stacks import render_groups

    with open_target(arguments, console) as target, ProgressLine(console) as progress:
        runtime = ClrRuntime.of(target)
        whole = runtime.heap.can_walk
        found = stack_groups(runtime, arguments.thread, everything=arguments.all, progress=progress)
    _require_threads(arguments, (thread for group in found.groups for thread in group.threads))
    status = tell_heap_damage(found.problems, console, whole=whole)
    print_answer(console, "dotdump/parallel-stacks/1", found, partial(render_groups, found))
    return status


def _stacks(target: Target, arguments: Namespace, console: Console) -> StackList:
    """Return managed stacks, and native ones of a program without a runtime, or with one that is not understood."""
    from dotdump.analysis.managed_stacks import list_stacks
    from dotdump.analysis.stacks import native_stacks
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.errors import RuntimeNotFound, UnsupportedRuntime
    from dotdump.limits import STACK_FRAMES

    frames = arguments.frames or STACK_FRAMES
    if arguments.use_dac:
        from dotdump.analysis.dac_stacks import dac_stacks

        return dac_stacks(target, arguments.sysroot, threads=arguments.thread, frames=frames)
    try:
        runtime = ClrRuntime.of(target)
        stacks = list_stacks(runtime, threads=arguments.thread, native=arguments.native, frames=frames)
        return _with_more(runtime, stacks, arguments, console)
    except RuntimeNotFound as error:
        if not arguments.native:
            console.note(f"dotdump: {error.message}: these are native stacks")
    except UnsupportedRuntime as error:
        console.warning(f"{error.message}: these are native stacks")
    return native_stacks(target, threads=arguments.thread, frames=frames)


def _with_more(runtime: ClrRuntime, stacks: StackList, arguments: Namespace, console: Console) -> StackList:
    """Return stacks with the variables and objects that were asked for."""
    from dotdump.clr.runtime_module import RuntimeKind

    if arguments.args or arguments.locals:
        from dotdump.analysis.stack_variables import with_variables

        if runtime.kind is RuntimeKind.NATIVE_AOT:
            console.note("dotdump: NativeAOT keeps no names of variables: --args and --locals show nothing")
        stacks = with_variables(runtime, stacks, arguments=arguments.args, local_variables=arguments.locals)
    if arguments.objects:
        from dotdump.analysis.stack_objects import with_objects

        stacks = with_objects(runtime, stacks)
    return stacks
