"""Memory that is taken from files must be what the process has there, word by word, relocated or not."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from struct import unpack
from typing import TYPE_CHECKING

import pytest

from corpus import Runtime, corpus, missing, runtimes
from dotdump.target.core import open_core
from dotdump.target.file_layer import FileLayer
from dotdump.target.process import open_process
from native import compiled, native

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dotdump.target.elf_module import ElfModule

pytestmark = pytest.mark.live
PAGE = 4096
RUNTIMES = {runtime.version: runtime for runtime in runtimes()}
_OF_FILE, _PRESENT = 1 << 61, 1 << 63


@contextmanager
def memory_of(pid: int) -> Iterator[tuple[int, int]]:
    """Descriptors of the memory of a process and of what says which of its pages are still those of files."""
    descriptors = [os.open(f"/proc/{pid}/{name}", os.O_RDONLY) for name in ("mem", "pagemap")]
    try:
        yield descriptors[0], descriptors[1]
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def is_copied(pagemap: int, address: int) -> bool:
    """Whether the process has written to the page."""
    (entry,) = unpack("<Q", os.pread(pagemap, 8, address // PAGE * 8))
    return bool(entry & _PRESENT) and not entry & _OF_FILE


def compare(modules: Sequence[ElfModule], pid: int) -> int:
    """Return how many words of relocated data were compared.

    Code and constants that the process itself has changed cannot be told from the file's; .NET does that.
    """
    layer, relocated = FileLayer(lambda: modules), 0
    with memory_of(pid) as (memory, pagemap):
        for part in layer.ranges():
            for address in range(part.start, part.end, PAGE):
                origin = layer.origin(address)
                assert origin is not None
                if origin.relocated or not is_copied(pagemap, address):
                    ours = layer.read(address, min(PAGE, part.end - address))
                    assert ours == os.pread(memory, len(ours), address), (hex(address), origin)
                    relocated += len(ours) // 8 if origin.relocated else 0
    return relocated


def test_a_program_that_copies_data_of_its_libraries_and_chooses_functions_is_as_its_files_say() -> None:
    library = compiled("shared_names", ("-shared", "-fPIC", "-DLIBRARY"))
    for binding in ("lazy", "now"):
        flags = ("-no-pie", f"-Wl,-z,{binding},--no-as-needed,-rpath,{library.parent}", str(library))
        with native("shared_names", flags=flags) as running, open_process(running.pid) as process:
            assert library.name in {module.name for module in process.modules}
            assert compare(process.modules, running.pid) > 1000


@pytest.mark.parametrize("form", ["-static", "-static-pie"])
def test_a_program_that_relocates_itself_is_as_its_file_says(form: str) -> None:
    try:
        compiled("shared_names", ("-DALONE", form))
    except subprocess.CalledProcessError:
        missing("the C library cannot be linked statically")
    with native("shared_names", flags=("-DALONE", form)) as running, open_process(running.pid) as process:
        assert compare(process.modules, running.pid) == 0


def test_code_that_has_relocations_is_as_the_process_has_it() -> None:
    flags = ("-DALONE", "-pie", "-fno-pic", "-mcmodel=large", "-Wl,-z,notext")
    with native("shared_names", flags=flags) as running, open_process(running.pid) as process:
        (program,) = [module for module in process.modules if module.name.startswith("shared_names")]
        origin = FileLayer(lambda: [program]).origin(program.texts[0].start)
        assert origin is not None
        assert origin.relocated
        assert compare([program], running.pid) > 100


@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=RUNTIMES)
def test_the_files_of_a_runtime_are_as_its_process_has_them(runtime: Runtime) -> None:
    with corpus(runtime, "idle") as running, open_process(running.pid) as process:
        assert compare(process.modules, running.pid) > 1000


@pytest.mark.parametrize("kind", ["Mini", "Heap"])
@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=RUNTIMES)
def test_small_dumps_of_createdump_are_completed_with_what_the_process_had(
    runtime: Runtime, kind: str, tmp_path: Path
) -> None:
    core = tmp_path / "core"
    with corpus(runtime, "idle") as running:
        command = [sys.executable, "-m", "dotdump", "collect", "--method", "runtime", "--type", kind, "-o", str(core)]
        subprocess.run([*command, "-p", str(running.pid)], check=True, capture_output=True)
        with open_core(core, [f"/proc/{running.pid}/root"]) as target:
            assert compare(target.modules, running.pid) > 1000
            for module in target.modules:
                assert module.file is None or module.find_symbol("_no_such_symbol") is None
            libc = next(module for module in target.modules if module.name == "libc.so.6")
            address = libc.find_symbol("qsort")
            assert address is not None
            assert libc.symbol_at(address) == ("qsort", 0)
