"""What a DAC worker and its owner say to each other over a stream socket: a kind, a length, a body.

The owner asks (``CALL``), the worker answers (``RESULT`` or ``FAILED``) and meanwhile asks for memory (``READ``) and
registers (``CONTEXT``), which the owner gives (``DATA``). Bodies are JSON or bytes; a length is bounded on both sides.
"""

from __future__ import annotations

import json
import select
import struct
import time
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from dotdump.errors import DacFailed

if TYPE_CHECKING:
    import socket

_HEADER = struct.Struct("<BI")
_LONGEST = 64 << 20


class Kind(IntEnum):
    """What a message is."""

    CALL = 1
    RESULT = 2
    FAILED = 3
    READ = 4
    CONTEXT = 5
    DATA = 6


READ_BODY = struct.Struct("<QI")
CONTEXT_BODY = struct.Struct("<I")


def send(peer: socket.socket, kind: Kind, body: bytes) -> None:
    """Send one message."""
    try:
        peer.sendall(_HEADER.pack(kind, len(body)) + body)
    except OSError as error:
        raise DacFailed(f"the DAC's process is gone: {error}") from None


def send_json(peer: socket.socket, kind: Kind, body: object) -> None:
    """Send one message whose body is JSON."""
    send(peer, kind, json.dumps(body).encode())


def receive(peer: socket.socket, deadline: float | None = None) -> tuple[Kind, bytes]:
    """Return the next message; raises ``DacFailed`` at its end and, by the monotonic clock, at ``deadline``."""
    kind, size = _HEADER.unpack(_exactly(peer, _HEADER.size, deadline))
    if size > _LONGEST:
        raise DacFailed(f"the DAC's process announces a message of {size} bytes")
    try:
        return Kind(kind), _exactly(peer, size, deadline)
    except ValueError:
        raise DacFailed(f"the DAC's process sent a message of kind {kind}, which is none") from None


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what a body holds; raises ``DacFailed`` where it is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DacFailed(f"the DAC's process sent no JSON: {error}") from None


def _exactly(peer: socket.socket, size: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        if deadline is not None and not select.select([peer], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise DacFailed("the DAC did not answer within its time")
        try:
            part = peer.recv(size - len(data))
        except OSError as error:
            raise DacFailed(f"the DAC's process is gone: {error}") from None
        if not part:
            raise DacFailed("the DAC's process ended")
        data += part
    return bytes(data)
