"""``dotdump completion``: print the script that completes dotdump's command line in a shell."""

from __future__ import annotations

from dotdump.cli.completion import SHELLS, grammar
from dotdump.cli.registry import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = """\
  source <(dotdump completion bash)                       in ~/.bashrc
  source <(dotdump completion zsh)                        in ~/.zshrc, after compinit
  dotdump completion fish > ~/.config/fish/completions/dotdump.fish"""


def configure(parser: ArgumentParser) -> None:
    """Add the name of the shell."""
    parser.add_argument("shell", choices=list(SHELLS), help="the shell to complete in")


def run(arguments: Namespace, console: Console) -> int:
    """Print the script."""
    console.result(SHELLS[arguments.shell](grammar()))
    return Exit.DONE
