"""``ClrRuntime``: a .NET runtime in a target, and the way to everything in it.

Opening one reads only what tells which runtime it is; each part is read when it is asked for, once, because a target
stands still.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

from dotdump.clr.contracts.runtime_contracts import RuntimeContracts
from dotdump.clr.contracts.type_system import TypeSystem
from dotdump.clr.data_access import DataAccess
from dotdump.clr.layout_choice import choose_layouts, doubts_about
from dotdump.clr.model.heap import ClrHeap
from dotdump.clr.model.type import ClrTypes
from dotdump.clr.runtime_module import RuntimeKind, runtime_modules
from dotdump.clr.runtime_version import find_version
from dotdump.errors import FormatError, MemoryFault, RuntimeNotFound, UnsupportedRuntime
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.contracts.finalize_queue import Finalizable
    from dotdump.clr.contracts.handles import Handle
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.graph.index_folder import IndexFolder
    from dotdump.clr.model.method import ClrMethod, ClrMethods, CodeLocation
    from dotdump.clr.model.root import ClrRoot
    from dotdump.clr.model.root_finder import RootFinder
    from dotdump.clr.model.rooted_graph import RootedGraph
    from dotdump.clr.model.stack_roots import ClrStackRoots
    from dotdump.clr.model.static import ClrStatic
    from dotdump.clr.model.static_finder import StaticFinder
    from dotdump.clr.model.thread import ClrThread
    from dotdump.clr.model.thread_objects import ThreadObjects
    from dotdump.clr.model.type import ClrType
    from dotdump.target.model import Module, Target, Thread


class ClrRuntime(RuntimeContracts):
    """A runtime: its contracts, and what they come to: its heap and types, its threads and methods."""

    @classmethod
    def of(cls, target: Target) -> Self:
        """Return the first runtime in ``target``; raises ``RuntimeNotFound`` where there is none."""
        found = cls.all_of(target)
        if not found:
            modules = len(target.modules)
            raise RuntimeNotFound(
                f"no .NET runtime among the {modules} loaded files of process {target.process.pid}",
                hint="is it a .NET process, and had its runtime started?",
            )
        return found[0]

    @classmethod
    def all_of(cls, target: Target) -> list[Self]:
        """Return every runtime in ``target``: a program can host one and load NativeAOT libraries."""
        runtimes = []
        for module in runtime_modules(target):
            version = find_version(target, module)
            runtimes.append(cls(DataAccess(target, module, version, choose_layouts(target, module, version))))
        return runtimes

    @property
    def target(self) -> Target:
        """What it is in."""
        return self.access.target

    @property
    def module(self) -> Module:
        """The file it is in."""
        return self.access.runtime.module

    @property
    def name(self) -> str:
        """Which it is: ``CoreCLR 8.0.4``; without the version where nothing says so."""
        return f"{self.kind} {self.version}".rstrip()

    @property
    def doubts(self) -> tuple[Problem, ...]:
        """That its version is none that is known: what is read of it may be something else."""
        return doubts_about(self.access.runtime, self.version)

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """What stands against every answer about it; the problems of its heap begin with these."""
        return (*self.doubts, *self._nameless)

    @cached_property
    def heap(self) -> ClrHeap:
        """Its managed heap."""
        return ClrHeap(
            self.access,
            self.type_at,
            lambda: self._root_finder.dependents,
            self._allocation_contexts,
            lambda: self.problems,
        )

    @cached_property
    def _nameless(self) -> tuple[Problem, ...]:
        """That no assembly can be read: then nothing has a name, and what is found by its name is not found."""
        modules = self.assemblies.modules
        if not modules or any(self.loader.find_metadata(module) is not None for module in modules):
            return ()
        text = f"none of {len(modules)} assemblies can be read: types and methods have no names, and most is not found"
        advice = (
            "--sysroot says where their files are"
            if any(self.loader.has_headers(module) for module in modules)
            else "gcore and the kernel leave them out unless coredump_filter in /proc/PID is 0x3f"
        )
        return (Problem("assemblies", f"{text}; {advice}"),)

    @cached_property
    def thread_objects(self) -> ThreadObjects:
        """What reads managed Threads."""
        from dotdump.clr.model.thread_objects import ThreadObjects

        return ThreadObjects(self.heap)

    def _allocation_contexts(self) -> Sequence[tuple[int, int]]:
        """Return what each thread may still allocate from; nothing where the threads of this runtime are not known."""
        try:
            return [thread.allocation_context for thread in self.threads]
        except UnsupportedRuntime:
            return []

    @cached_property
    def _root_finder(self) -> RootFinder:
        from dotdump.clr.model.root_finder import RootFinder

        stacks = (lambda: self.stack_references) if self.kind is RuntimeKind.CORECLR else None
        return RootFinder(self.heap, self.static_finder, self.threads, stacks)

    @cached_property
    def static_finder(self) -> StaticFinder:
        """What finds static fields, and knows what of them could not be read."""
        from dotdump.clr.model.static_finder import StaticFinder

        system = self.type_system if isinstance(self.type_system, TypeSystem) else None
        return StaticFinder(self.heap, system, self.threads, self.assemblies)

    def statics(self, wanted: Callable[[ClrType], bool] = lambda _type: True) -> Iterator[ClrStatic]:
        """Yield the static fields of the loaded types that are ``wanted``, thread statics once for each thread.

        Fields of a type that nobody has used yet have no place, and are left out.
        """
        return self.static_finder.find(self.heap.method_tables, wanted)

    def handles(self) -> Sequence[Handle]:
        """Return every handle that holds an object, by table, kind and address."""
        return self._root_finder.handles

    def finalizable_objects(self) -> Sequence[Finalizable]:
        """Return the objects with finalizers: those registered, and those whose finalizer is to run."""
        return self._root_finder.finalizable_objects

    def roots(self, index: IndexFolder | None = None, progress: Progress | None = None) -> Sequence[ClrRoot]:
        """Return what keeps objects alive: handles, ready finalizers, statics and stacks; sorted by object.

        Of a thread whose frames do not tell all it is whatever the words of its stack could point to. Needs the graph
        of the heap, which is saved in ``index`` and read from there, as the roots are.
        """
        return self.rooted_graph(index, progress).roots

    def rooted_graph(self, index: IndexFolder | None = None, progress: Progress | None = None) -> RootedGraph:
        """Return the graph of the heap with its roots: as saved in ``index``, else found and saved there."""
        from dotdump.clr.model.rooted_graph import RootedGraph
        from dotdump.clr.model.saved_roots import load_roots, save_roots

        graph = self.heap.graph(index, progress)
        saved = load_roots(index) if index is not None else None
        roots, problems = saved or (self._root_finder.find(graph), (*self.root_problems, *self.thread_list.problems))
        if index is not None and saved is None:
            save_roots(index, roots, problems)
        return RootedGraph(graph, roots, self.heap.segments, problems)

    @property
    def root_problems(self) -> Sequence[Problem]:
        """What was damaged or missing of handles, queues and statics that have been read so far."""
        return (*self.problems, *self._root_finder.problems)

    @property
    def thread_problems(self) -> Sequence[Problem]:
        """What was damaged or missing of its list of threads, and what stands against all that is said of them."""
        return (*self.problems, *self.thread_list.problems)

    @cached_property
    def threads(self) -> Sequence[ClrThread]:
        """Its threads in the order in which it made them, dead ones too; those that cannot be read are left out."""
        from dotdump.clr.model.thread import ClrThread

        found = []
        for address in self.thread_list.addresses:
            try:
                found.append(ClrThread(self, self.thread_list.read(address)))
            except MemoryFault as fault:
                self.thread_list.problems.append(Problem("threads", f"the Thread at {address:#x}: {fault}"))
        return tuple(found)

    @cached_property
    def stack_references(self) -> ClrStackRoots:
        """What finds the references on the stacks of its threads; raises as ``stack_walker`` does."""
        from dotdump.clr.contracts.argument_roots import ArgumentRoots
        from dotdump.clr.contracts.frame_roots import FrameRoots
        from dotdump.clr.contracts.handlers import Handlers
        from dotdump.clr.contracts.stack_roots import StackRoots
        from dotdump.clr.model.stack_roots import ClrStackRoots

        records, names = self.method_records, self.method_names
        arguments = ArgumentRoots(self.access, self.loader, records, names, self.heap.types.shape_of)
        handlers = Handlers(self.access, self.loader, records, names)
        frames = FrameRoots(self.access, arguments)
        contract = StackRoots(self.access, self.stack_walker, frames, handlers)
        threads = self.threads
        is_whole = bool(threads) and not self.thread_list.problems and not self.doubts
        return ClrStackRoots(contract, self.method_at, threads, is_whole=is_whole)

    def stack_roots(self) -> Sequence[ClrRoot]:
        """Return what the stacks of its threads keep, as far as frames say it: thread by thread, frame by frame.

        ``stack_references`` says of each thread whether that is all.
        """

        def locate(address: int) -> int | None:
            found = self.heap.containing(address)
            return found.address if found is not None else None

        stacks = self.stack_references
        return [root for thread in self.threads for root in stacks.roots_of(thread, locate)]

    @cached_property
    def native_threads(self) -> Mapping[int, Thread]:
        """The threads of the target by their id."""
        return {thread.tid: thread for thread in self.target.threads}

    @cached_property
    def _types(self) -> ClrTypes:
        return ClrTypes(self.type_system, self.type_name)

    @cached_property
    def _methods(self) -> ClrMethods:
        from dotdump.clr.model.method import ClrMethods

        return ClrMethods(self.method_records, self.method_names, self.type_at)

    def method(self, method_desc: int) -> ClrMethod:
        """Return the method whose MethodDesc is at an address; raises ``MemoryFault``, ``FormatError``."""
        return self._methods.at(method_desc)

    def method_at(self, address: int) -> ClrMethod | None:
        """Return the method whose code ``address`` is in, or None: of a caller ask for its return address less 1.

        Raises ``MemoryFault`` or ``FormatError`` where the runtime's records are damaged or not there.
        """
        block = self.code.find(address)
        return self.method(block.method_desc) if block is not None and block.method_desc else None

    def method_called(self, entry: int) -> ClrMethod | None:
        """Return the method that a call of ``entry`` calls: one whose code begins there, or whose stub; else None.

        Raises as ``method_at`` does.
        """
        method = self.method_at(entry)
        if method is None and (found := self.precodes.method_of(entry)):
            method = self.method(found)
        return method

    def location_of(self, block: CodeBlock) -> CodeLocation:
        """Return the IL offset and the line of the source that the code at ``block.address`` comes from.

        What is not to be had is left out; where the debug info is damaged nothing is said.
        """
        from dotdump.clr.model.method import CodeLocation
        from dotdump.formats.metadata.tokens import ROW_ID

        try:
            il = self.debug_infos.il_offset(block) if block.method_desc else None
            if il is None:
                return CodeLocation(None, None)
            method = self.method(block.method_desc)
            line = self.source_lines.find(method.module, method.token & ROW_ID, il) if method.token else None
        except (FormatError, MemoryFault, UnsupportedRuntime):
            return CodeLocation(None, None)
        return CodeLocation(il, line)

    def type_at(self, method_table: int) -> ClrType:
        """Return the type whose MethodTable is at an address."""
        return self._types.at(method_table)

    def __repr__(self) -> str:
        return f"<ClrRuntime {self.kind} {self.version or 'of unknown version'}>"
