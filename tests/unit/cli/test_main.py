"""How a command ends: exit codes, errors in one line, signals, readers that go away."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from dotdump.cli import registry
from dotdump.cli.main import main
from dotdump.errors import DotdumpError

Install = Callable[[BaseException], None]
DOTDUMP = [sys.executable, "-m", "dotdump"]


def _raising(error: BaseException) -> SimpleNamespace:
    def run(*_: object) -> int:
        raise error

    return SimpleNamespace(EXAMPLES="", configure=lambda _: None, run=run)


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Install:
    """A command ``fails`` that raises what it is told to."""

    def install(error: BaseException) -> None:
        monkeypatch.setitem(registry.COMMANDS, "fails", "raise an error")
        monkeypatch.setitem(sys.modules, "dotdump.cli.commands.fails", _raising(error))

    return install


def test_an_error_of_ours_is_one_line_and_a_hint(fails: Install, capsys: pytest.CaptureFixture[str]) -> None:
    fails(DotdumpError("cannot do it to 5: because", hint="do the other"))
    assert main(["fails"]) == 1
    assert capsys.readouterr() == ("", "dotdump: cannot do it to 5: because\n  hint: do the other\n")


def test_an_error_of_the_system_is_one_line_with_its_file(fails: Install, capsys: pytest.CaptureFixture[str]) -> None:
    fails(FileNotFoundError(2, "No such file or directory", "core.1"))
    assert main(["fails"]) == 1
    assert capsys.readouterr().err == "dotdump: No such file or directory: core.1\n"


def test_a_package_that_is_not_installed_is_named(fails: Install, capsys: pytest.CaptureFixture[str]) -> None:
    fails(ModuleNotFoundError("No module named 'backports.zstd'", name="backports.zstd"))
    assert main(["fails"]) == 1
    assert capsys.readouterr().err.startswith("dotdump: this Python has no module backports.zstd\n  hint: ")


@pytest.mark.parametrize("module", ["ctypes", "fcntl", "_socket"])
def test_a_part_that_python_was_built_without_is_named(module: str) -> None:
    without = f"import sys; sys.modules['{module}'] = None; "
    script = f"{without}from dotdump.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", script, "collect", "-p", "1", "-o", "/nowhere/core"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"dotdump: this Python has no module {module}\n  hint: that is a part of Python")


def test_memory_that_is_not_there_is_one_line_and_a_hint(fails: Install, capsys: pytest.CaptureFixture[str]) -> None:
    fails(MemoryError())
    assert main(["fails"]) == 1
    assert capsys.readouterr().err.startswith("dotdump: there is not enough memory for that\n  hint: ")


def test_too_many_open_files_have_a_hint(fails: Install, capsys: pytest.CaptureFixture[str]) -> None:
    fails(OSError(errno.EMFILE, os.strerror(errno.EMFILE), "a.pdb"))
    assert main(["fails"]) == 1
    assert capsys.readouterr().err == (
        "dotdump: Too many open files: a.pdb\n  hint: raise the limit on open files: ulimit -n 4096\n"
    )


def test_debug_shows_the_traceback(fails: Install) -> None:
    fails(DotdumpError("cannot"))
    with pytest.raises(DotdumpError):
        main(["fails", "--debug"])


def test_a_mistake_of_ours_is_not_hidden(fails: Install) -> None:
    fails(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["fails"])


@pytest.mark.parametrize("words", [["nonsense"], ["--nonsense"], ["completion"], ["completion", "csh"]])
def test_a_wrong_command_line_ends_with_2_and_says_what_is_expected(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: dotdump" in capsys.readouterr().err


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert "commands:" in capsys.readouterr().out


STRUCK = """
import os, signal, sys, types
from dotdump.cli import main, registry

def run(*_):
    try:
        os.kill(os.getpid(), {number})
    finally:
        os.kill(os.getpid(), {number} if {number} != signal.SIGINT else 0)
        print("cleaned up", flush=True)
    return 0

registry.COMMANDS["waits"] = "wait"
sys.modules["dotdump.cli.commands.waits"] = types.SimpleNamespace(EXAMPLES="", configure=lambda _: None, run=run)
sys.exit(main.main(["waits"]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_when_it_has_cleaned_up_and_without_a_traceback(number: signal.Signals) -> None:
    words = [sys.executable, "-c", STRUCK.format(number=int(number))]
    done = subprocess.run(words, capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (-number, b"cleaned up\n", b"")


def test_a_hangup_that_is_ignored_stays_so() -> None:
    words = [
        "sh",
        "-c",
        "trap '' HUP; exec \"$@\"",
        "sh",
        sys.executable,
        "-c",
        STRUCK.format(number=int(signal.SIGHUP)),
    ]
    done = subprocess.run(words, capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"cleaned up\n", b"")


def test_a_program_that_runs_a_command_has_its_signals_as_before(fails: Install) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)
    fails(DotdumpError("cannot"))
    assert main(["fails"]) == 1
    assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP))


def test_a_reader_that_goes_away_causes_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*DOTDUMP, "--version"], stdout=writing, stderr=subprocess.PIPE, check=False, timeout=30)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("redirected", "said"),
    [
        ("> /dev/full", "No space left on device\n"),
        (">&-", "Bad file descriptor\n"),
        (">&- 2>&-", ""),
        ("<&- >&- 2> /dev/full", ""),
    ],
)
def test_an_answer_that_nothing_takes_is_an_error_in_a_line(redirected: str, said: str) -> None:
    words = ["sh", "-c", f'"$@" {redirected}', "sh", *DOTDUMP, "--version"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, said and f"dotdump: cannot write to standard output: {said}")


@pytest.mark.parametrize("words", ["ps --format json", "doctor", "help dumpheap"])
def test_a_result_that_is_not_taken_at_once_is_an_error_in_a_line(words: str) -> None:
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    command = [*DOTDUMP, *words.split()]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "dotdump: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("words", [["--help"], ["heap", "--help"], ["--version", "-V"]])
@pytest.mark.parametrize(
    ("redirected", "said"), [("> /dev/full", "No space left on device"), (">&-", "Bad file descr")]
)
def test_help_that_nothing_takes_is_an_error_in_a_line(words: list[str], redirected: str, said: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = ["sh", "-c", f'"$@" {redirected}', "sh", *DOTDUMP, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"dotdump: cannot write to standard output: {said}")
    assert done.stderr.count("\n") == 1


def test_help_may_be_left_unread() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [*DOTDUMP, "heap", "--help"]
    done = subprocess.run(command, env=environment, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_version_that_is_not_taken_at_once_is_an_error_in_a_line() -> None:
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*DOTDUMP, "-V"], env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "dotdump: cannot write to standard output: No space left on device\n"


def test_the_version_may_be_asked_for_in_any_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version", "-V"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("dotdump ")


def test_words_without_a_command_are_refused_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--"])
    assert ended.value.code == 2
    assert "there is no COMMAND" in capsys.readouterr().err


def test_a_core_is_not_streamed_to_a_stdout_that_is_closed() -> None:
    words = ["sh", "-c", '"$@" >&-', "sh", *DOTDUMP, "collect", "-p", str(os.getpid()), "--live", "-o", "-"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "dotdump: cannot write to standard output: it is closed\n")


def test_an_error_that_nobody_can_be_told_is_still_an_exit_code() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run([*DOTDUMP, "info", "/nonexistent"], stderr=full, stdout=subprocess.PIPE, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


@pytest.mark.parametrize("redirected", ["2>&-", "2>/dev/full", ">&- 2>&-"])
def test_a_wrong_command_line_that_nobody_can_be_told_ends_with_2(redirected: str) -> None:
    words = ["sh", "-c", f'"$@" {redirected}', "sh", *DOTDUMP, "bogus"]
    assert subprocess.run(words, check=False).returncode == 2


def test_a_process_of_ours_looks_for_garbage_seldom_and_others_as_before() -> None:
    script = """
import gc
from dotdump.cli import main
main.main(["--version"])
assert gc.get_threshold()[0] < 10_000
main.main = lambda: 0 if gc.isenabled() and gc.get_threshold()[0] >= 1_000_000 else 1
main.run_process()
"""
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL, timeout=60)


PRINTS = """
import sys
from dotdump.cli import main
main.main = lambda: print("caf\\udce9 café … 数") or print("…\\udcff", file=sys.stderr) or 0
main.run_process()
"""
"""Prints, as a command would, a name that is no text, and characters that not every encoding has."""


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        ("utf-8", b"caf\xe9 caf\xc3\xa9 \xe2\x80\xa6 \xe6\x95\xb0\n"),
        ("utf-8:surrogateescape", b"caf\xe9 caf\xc3\xa9 \xe2\x80\xa6 \xe6\x95\xb0\n"),
        ("iso-8859-1", b"caf\xe9 caf\xe9 \\u2026 \\u6570\n"),
        ("ascii", b"caf\xe9 caf\\xe9 \\u2026 \\u6570\n"),
        ("ascii:replace", b"caf? caf? ? ?\n"),
    ],
)
def test_what_an_encoding_has_no_bytes_for_is_escaped_and_a_name_keeps_its_own(encoding: str, printed: bytes) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", PRINTS], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, printed)
    assert done.stderr.endswith(b"\\udcff\n")
