import platform
import subprocess
import sys

import pytest

ALLOCATING_THREADS = """
import ctypes, sys, threading
from dotdump.linux.malloc import use_one_heap
if sys.argv[1] == "one":
    use_one_heap()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
meeting = threading.Barrier(3)
def allocate():
    meeting.wait()
    libc.malloc(4096)
    meeting.wait()
threads = [threading.Thread(target=allocate) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have one heap in any case")
@pytest.mark.parametrize("heaps", ["one", "many"])
def test_threads_have_one_heap_where_that_is_asked_for(heaps: str) -> None:
    command = [sys.executable, "-c", ALLOCATING_THREADS, heaps]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert ("<heap nr" in told, told.count("<heap nr") == 1) == (True, heaps == "one")
