"""Diagnostic ports as people write them: ``address[,connect|listen][,suspend|nosuspend]``.

Two dialects. The runtime's (``DOTNET_DiagnosticPorts``) is lenient: entries between semicolons, empty parts skipped, so
that the first that is not is the address; unknown tags ignored, of two contrary tags the first counts, connect and
suspend by default. A space belongs to the part that it is in: ``/tmp/a, nosuspend`` suspends. The tools'
(``--diagnostic-port``) is strict, and listens by default. Source of truth: ``ds-ipc.c`` of dotnet/runtime, what 8.0.4
and 10.0.14 do, ``IpcEndpointConfig.cs`` of dotnet/diagnostics.
"""

from __future__ import annotations

import os
from enum import StrEnum

from dotdump.errors import ProtocolError, ServerRefused, ServerSilent, ServerUnavailable
from dotdump.ipc.transport import connect_descriptor, open_path
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.ipc.transport import Channel, Deadline

_SCHEMES = ("uds://", "uds:", "file://", "file:")
_MODES = ("connect", "listen")
_SUSPENSIONS = ("suspend", "nosuspend")


class PortMode(StrEnum):
    """Which part the reader of the port plays."""

    CONNECT = "connect"
    LISTEN = "listen"


@record
class Port:
    """A diagnostic port; ``suspend`` says whether a runtime waits at its start until the port resumes it."""

    address: str
    mode: PortMode
    suspend: bool = True

    def __str__(self) -> str:
        return f"{self.address},{self.mode},{'suspend' if self.suspend else 'nosuspend'}"


def parse_runtime_ports(text: str) -> tuple[Port, ...]:
    """Return the ports of a ``DOTNET_DiagnosticPorts`` as a runtime reads it; nothing in it is an error."""
    entries = ([part for part in entry.split(",") if part] for entry in text.split(";"))
    return tuple(_lenient(*parts) for parts in entries if parts and not parts[0].isspace())


def parse_port(text: str) -> Port:
    """Return the port that a ``--diagnostic-port`` names; raises ``ProtocolError`` for what is none."""
    address, *tags = (part.strip() for part in text.split(","))
    tags = [tag.lower() for tag in tags]
    for known in (_MODES, _SUSPENSIONS):
        if len(set(tags).intersection(known)) > 1:
            raise ProtocolError(f"diagnostic port {text!r}: {known[0]} and {known[1]} exclude each other")
    for tag in tags:
        if tag not in _MODES + _SUSPENSIONS:
            raise ProtocolError(f"diagnostic port {text!r}: {tag!r} is none of connect, listen, suspend, nosuspend")
    path = _path(address)
    if not path or "\0" in path:
        raise ProtocolError(f"diagnostic port {text!r} names no socket", hint="for example /tmp/tools.sock,connect")
    return Port(path, PortMode.CONNECT if "connect" in tags else PortMode.LISTEN, "nosuspend" not in tags)


class PortEndpoint:
    """A port that one connects to: whoever listens at a path that the user named, and so vouches for."""

    def __init__(self, path: str) -> None:
        self.path = path

    def connect(self, deadline: Deadline) -> Channel:
        """Return a connection, by a held descriptor, so that the path may be of any length."""
        try:
            descriptor = open_path(os.path.realpath(self.path))
            try:
                return connect_descriptor(descriptor, self.path, deadline)
            finally:
                os.close(descriptor)
        except ServerSilent:  # an OSError too
            raise
        except PermissionError as error:
            raise ServerRefused(f"diagnostic port {self.path} is not for this user") from error
        except ConnectionRefusedError as error:
            raise ServerUnavailable(f"nobody listens on diagnostic port {self.path}") from error
        except OSError as error:
            raise ServerUnavailable(f"diagnostic port {self.path}: {error.strerror}") from error


def _lenient(address: str, *words: str) -> Port:
    tags = [word.lower() for word in words]
    mode = next((tag for tag in tags if tag in _MODES), "connect")
    suspension = next((tag for tag in tags if tag in _SUSPENSIONS), "suspend")
    return Port(address, PortMode(mode), suspension == "suspend")


def _path(address: str) -> str:
    for scheme in _SCHEMES:
        if address.lower().startswith(scheme):
            rest = address[len(scheme) :]
            return "/" + rest.partition("/")[2] if scheme.endswith("//") and not rest.startswith("/") else rest
    return address
