"""What the environment says about diagnostics, read as a runtime reads it.

Source of truth: ``ds-rt-coreclr.h`` of dotnet/runtime.
"""

from __future__ import annotations

from dotdump.ipc.discovery import DEFAULT_DIRECTORY
from dotdump.ipc.ports import PortMode, parse_runtime_ports
from dotdump.ipc.runtime_settings import ENABLED, is_on, setting
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from dotdump.ipc.ports import Port


@record
class Settings:
    """Whether to serve at all, where the default socket goes, whether it suspends, and the ports to connect to."""

    enabled: bool = True
    directory: str = DEFAULT_DIRECTORY
    suspend: bool = False
    ports: tuple[Port, ...] = ()


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings; ports to listen on are ignored, as runtimes do: the default socket is the only one."""
    ports = parse_runtime_ports(setting(environment, "DiagnosticPorts")[1])
    return Settings(
        enabled=all(is_on(environment, name, default=True) for name in ENABLED),
        directory=environment.get("TMPDIR") or DEFAULT_DIRECTORY,
        suspend=is_on(environment, "DefaultDiagnosticPortSuspend", default=False),
        ports=tuple(port for port in ports if port.mode == PortMode.CONNECT),
    )
