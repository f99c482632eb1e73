import os
import socket
import threading
import time

import pytest

from dotdump.dump.stream import PatientPipe, StreamOutput
from dotdump.errors import Incomplete

SIZE = 1 << 20


@pytest.mark.parametrize("seconds", [30.0, 1e9], ids=["a while", "years"])
def test_a_slow_reader_is_waited_for_until_the_deadline(seconds: float) -> None:
    reader, writer = os.pipe2(os.O_NONBLOCK)
    taken = bytearray()

    def read() -> None:
        os.set_blocking(reader, True)
        time.sleep(0.05)
        while data := os.read(reader, SIZE):
            taken.extend(data)

    thread = threading.Thread(target=read)
    thread.start()
    pipe = PatientPipe(writer, time.monotonic() + seconds)
    pipe.write(b"a" * SIZE)
    pipe.close()
    thread.join()
    os.close(reader)
    assert bytes(taken) == b"a" * SIZE


def test_a_reader_that_falls_silent_is_given_up_at_the_deadline() -> None:
    reader, writer = os.pipe2(os.O_NONBLOCK)
    begun = time.monotonic()
    pipe = PatientPipe(writer, begun + 0.1)
    with pytest.raises(Incomplete, match="did not take it"):
        pipe.write(bytes(SIZE))
    assert 0.1 <= time.monotonic() - begun < 5
    pipe.close()
    os.close(reader)


@pytest.mark.parametrize("blocking", [True, False])
def test_the_reader_of_a_socket_is_waited_for_until_the_deadline(blocking: bool) -> None:
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(blocking)
        with StreamOutput.open(writer.fileno(), "the socket", time.monotonic() + 0.1) as output:
            with pytest.raises(Incomplete, match="did not take it"):
                output.sink().write(bytes(SIZE))
            assert len(reader.recv(SIZE)) == output.size > 0
        assert writer.fileno() >= 0
        assert writer.send(b"still open") > 0
