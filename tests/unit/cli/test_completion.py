"""Completion scripts, asked by the shells themselves."""

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import corpus
from dotdump.cli.completion import SHELLS, grammar
from dotdump.cli.registry import COMMANDS


def _shell(name: str) -> str:
    return shutil.which(name) or corpus.missing(f"{name} is not installed")


def _bash_offers(*words: str) -> list[str]:
    """Return what bash would offer for the last of ``words``."""
    ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dotdump; printf "%s\\n" "${COMPREPLY[@]}"'
    command = [_shell("bash"), "--norc", "-c", SHELLS["bash"](grammar()) + ask, "bash", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.split()


def test_bash_completes_commands() -> None:
    assert set(_bash_offers("dotdump", "")) == {*COMMANDS, "--version", "-V", "--help", "-h"}
    assert _bash_offers("dotdump", "comple") == ["completion"]


def test_bash_completes_the_options_of_the_command_and_the_choices_of_an_argument() -> None:
    assert set(_bash_offers("dotdump", "completion", "--")) == {"--help", "--debug"}
    assert _bash_offers("dotdump", "completion", "") == ["-h", "--help", "--debug", "bash", "zsh", "fish"]
    assert _bash_offers("dotdump", "--debug", "completion", "z") == ["zsh"]


def test_the_words_of_a_placeholder_are_offered() -> None:
    assert _bash_offers("dotdump", "collect", "--type", "") == ["Full", "Heap", "Mini", "Triage"]
    assert _bash_offers("dotdump", "convert", "core", "--type", "=", "M") == ["Mini"]
    assert _bash_offers("dotdump", "collect", "--dport", "") == []


def test_options_go_on_behind_one_that_may_stand_without_its_value() -> None:
    assert _bash_offers("dotdump", "collect", "--compress", "--typ") == ["--type"]
    done = subprocess.run(
        [_shell("fish"), "-N", "-c", f"{SHELLS['fish'](grammar())}complete -C 'dotdump collect --compress --typ'"],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert done.stdout.startswith("--type\t")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_can_read_its_script(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(SHELLS[shell](grammar()))
    done = subprocess.run([_shell(shell), "-n", str(script)], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_option_of_every_command_is_in_the_script(shell: str) -> None:
    script = SHELLS[shell](grammar())
    for name, arguments in grammar().items():
        assert name in script
        for flag in (flag for argument in arguments for flag in argument.flags):
            assert (flag.lstrip("-") if shell == "fish" else flag) in script


IN_FPATH = "fpath=($ZDOTDIR/site $fpath)\nautoload -Uz compinit\ncompinit -u -d $ZDOTDIR/dump\n"
SOURCED = "autoload -Uz compinit\ncompinit -u -d $ZDOTDIR/dump\nsource $ZDOTDIR/site/_dotdump\n"


@pytest.mark.parametrize("start", [IN_FPATH, SOURCED], ids=["fpath", "source"])
def test_the_first_tab_in_zsh_completes(start: str, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "_dotdump").write_text(SHELLS["zsh"](grammar()))
    (tmp_path / ".zshrc").write_text(f"{start}PS1=ready\n")
    with _terminal([_shell("zsh"), "-i"], tmp_path) as terminal:
        assert "ready" in _read_until(terminal, "ready")
        os.write(terminal, b"dotdump comple\t")
        assert "tion " in _read_until(terminal, "tion ")


@contextmanager
def _terminal(command: list[str], home: Path) -> Iterator[int]:
    """Run a shell in a terminal of its own, with what it reads at its start in ``home``."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"ZDOTDIR": str(home), "TERM": "dumb"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            yield ours
        finally:
            process.kill()
            os.close(ours)


def _read_until(terminal: int, text: str, seconds: float = 10.0) -> str:
    """Return what a terminal shows until ``text`` is among it, or for so long."""
    shown, end = "", time.monotonic() + seconds
    while text not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 1 << 12).decode()
    return shown
