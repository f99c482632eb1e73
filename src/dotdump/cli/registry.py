"""The commands there are, and what each of their modules provides."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Protocol

    from dotdump.cli.console import Console
else:
    Protocol = object


class Command(Protocol):
    """What a module in ``cli.commands`` provides. ``EXAMPLES`` is shown under ``--help``."""

    EXAMPLES: str

    def configure(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""

    def run(self, arguments: Namespace, console: Console) -> int:
        """Do it; return an exit code."""


class Exit:
    """Exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PROBLEMS = 3


COMMANDS: dict[str, str] = {
    "ps": "list the .NET processes, also those whose diagnostics are off",
    "collect": "write a verified core of a running process",
    "doctor": "what would stop a dump here, and what to do about it",
    "info": "say what a core is, whose, why it died, and whether it is whole",
    "threads": "list threads: where they stood, what the runtime says of them",
    "modules": "list the ELF files and the assemblies that a core's process had loaded",
    "memory": "show memory of a core: bytes, words or strings",
    "address": "say what an address is: code, an object, a type, a symbol, a stack",
    "verify": "check that a core is whole and can be used",
    "convert": "compress, unpack or trim a core",
    "createdump": "stand in for the runtime's createdump, for crashes and for WriteDump",
    "heap": "say what fills the managed heap: objects and bytes by type",
    "objects": "list objects of the heap: by type, size, generation, place, values of fields",
    "object": "show one object: fields, what it holds, what refers to it, what it retains",
    "roots": "say who holds an object, or all objects of a type: the ways from roots",
    "retained": "say what an object, type or root keeps alive; leak suspects and why",
    "diff": "say what grew between two dumps, or in a process meanwhile, and what holds it",
    "strings": "say which strings there are: most often, longest, and what copies waste",
    "segments": "say where the managed heap lies: segments or regions, used, committed, reserved",
    "handles": "list the handles of the runtime: what holds objects from outside the heap",
    "finalizers": "say which objects have finalizers, and which wait for theirs to run",
    "statics": "show static fields and thread statics with their values",
    "crashreport": "write createdump's crash report of a core: threads, frames, exceptions as JSON",
    "stacks": "show what every thread was doing: its frames, and how each is known",
    "exceptions": "list exceptions of the heap: message, frames, inner ones, who has each",
    "crash": "say why a process died: signal, thread, exception, last frames",
    "locks": "say who has which lock and who waits for whom, and name deadlocks",
    "tasks": "show where asynchronous methods wait: for what, and who awaits them",
    "demo": "show the main job, start to end, on a .NET process of its own",
    "help": "show what a command does, also by the name that SOS has for it",
    "completion": "print a script that completes the command line in bash, zsh or fish",
}
"""Name to one-line summary, in the order that help shows. The module is ``cli.commands.NAME``, ``-`` as ``_``."""


def load(name: str) -> Command:
    """Import and return the module of command ``name``."""
    module = f"dotdump.cli.commands.{name.replace('-', '_')}"
    __import__(module)  # importlib itself would cost as much as a command's own module
    command: Command = sys.modules[module]
    return command
