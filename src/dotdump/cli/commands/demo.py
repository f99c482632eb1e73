"""``dotdump demo``: the main job, start to end, on a .NET process of its own. Every step is the command it shows."""

from __future__ import annotations

import shlex

from dotdump.cli.registry import Exit
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump demo                  on the .NET 8 of 'dotdump[demo]', else DOTNET_ROOT, else dotnet on PATH"""


@record
class Step:
    """One sentence, and the command line that shows it, with ``{pid}``, ``{core}`` and ``{live}`` to fill in."""

    sentence: str
    words: str


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
)
SCENARIO = "all"


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
        with running_corpus(dotnet, SCENARIO, directory) as process:
            places = {"pid": str(process.pid), "core": f"{directory}/core", "live": f"{directory}/core.live"}
            failed = [step for step in STEPS if _show(step, places, console) == Exit.FAILED]
    if failed:
        console.error(f"the demo did not go through: {', '.join(step.words.split()[0] for step in failed)} failed")
        return Exit.FAILED
    console.result("\nThe process has ended and its files are removed. That was the demo; now yours: dotdump ps")
    return Exit.DONE


def _show(step: Step, places: Mapping[str, str], console: Console) -> int:
    from dotdump.cli.main import run_command

    words = [word.format_map(places) for word in step.words.split()]
    console.result(f"\n# {step.sentence}\n$ dotdump {shlex.join(words)}")
    console.stdout.flush()
    return run_command(words)
