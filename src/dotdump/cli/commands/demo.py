"""``dotdump demo``: the main job, start to end, on a .NET process of its own. Every step is the command it shows."""

from __future__ import annotations

import shlex

from dotdump.cli.registry import Exit
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping
    from subprocess import Popen

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump demo                  on the .NET 8 of 'dotdump[demo]', else DOTNET_ROOT, else dotnet on PATH"""


@record
class Step:
    """One sentence, and the command line that shows it, with ``{pid}`` and names of files to fill in.

    ``grow`` seconds after it begins, the program that leaks is told to leak more.
    """

    sentence: str
    words: str
    grow: float | None = None


STEPS = (
    Step("Which .NET processes are there?", "ps -n Corpus"),
    Step("Would a dump of this one work, here and now?", "doctor -p {pid}"),
    Step(
        "A dump of all of it, through the runtime; verified before it gets its name.",
        "collect -p {pid} --method runtime -o {core}",
    ),
    Step(
        "The same of a copy-on-write twin: the process goes on after milliseconds.", "collect -p {pid} --live -o {live}"
    ),
    Step("The same checks, on any core, wherever it came from.", "verify {core}"),
    Step("What is in it: process, runtime, memory by kind.", "info {core}"),
    Step("Its threads, and where each of them stood.", "threads {core}"),
    Step("The files it had loaded.", "modules {core}"),
    Step("What fills its managed heap.", "heap {core} --limit 12"),
    Step("Which types keep most of it alive, with all that would go with them.", "retained {core} --by type --limit 8"),
    Step("Who holds the customers? Ways from roots, grouped by what they look like.", "roots {core} Corpus.Customer$"),
)
LEAK_STEPS = (
    Step("Another program, whose memory only grows. A dump of it …", "collect -p {pid} -o {before}"),
    Step("… and one when it has worked on.", "collect -p {pid} -o {after}", 0.0),
    Step("What grew in between, and what holds it?", "diff {before} {after} --limit 6"),
    Step("Why would one suspect a leak in the second one alone?", "retained {after}"),
    Step(
        "The same without any dump: the process as it runs, looked at twice.",
        "diff -p {pid} --seconds 2 --limit 6",
        1.0,
    ),
)


def configure(parser: ArgumentParser) -> None:
    """Nothing to choose."""


def run(arguments: Namespace, console: Console) -> int:
    """Run the steps; fails where one of them does."""
    del arguments
    from tempfile import TemporaryDirectory

    from dotdump.cli.demo_process import find_dotnet, running_corpus

    dotnet = find_dotnet()
    with TemporaryDirectory(prefix="dotdump-demo-") as directory:
        console.result(f"Starting a .NET program with a known heap and known threads, on {dotnet} …")
        files = {name: f"{directory}/{name}" for name in ("core", "live", "before", "after")}
        failed = []
        for scenario, steps in (("all", STEPS), ("leak", LEAK_STEPS)):
            with running_corpus(dotnet, scenario, directory) as process:
                failed += [step for step in steps if _show(step, process, files, console) == Exit.FAILED]
    if failed:
        console.error(f"the demo did not go through: {', '.join(step.words.split()[0] for step in failed)} failed")
        return Exit.FAILED
    console.result("\nThe processes have ended and their files are removed. That was the demo; now yours: dotdump ps")
    return Exit.DONE


def _show(step: Step, process: Popen[bytes], files: Mapping[str, str], console: Console) -> int:
    from threading import Timer

    from dotdump.cli.demo_process import grow
    from dotdump.cli.main import run_command

    words = [word.format_map({"pid": str(process.pid), **files}) for word in step.words.split()]
    console.result(f"\n# {step.sentence}\n$ dotdump {shlex.join(words)}")
    console.stdout.flush()
    if step.grow == 0:
        grow(process)
    elif step.grow is not None:
        timer = Timer(step.grow, grow, (process,))
        timer.start()
        try:
            return run_command(words)
        finally:
            timer.cancel()
            timer.join()
    return run_command(words)
