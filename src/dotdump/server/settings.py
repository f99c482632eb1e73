"""What the environment says about diagnostics, read as a runtime reads it.

``DOTNET_`` names count before ``COMPlus_`` ones; a number that is none counts as not set. Source of truth:
``clrconfignames.h`` and ``ds-rt-coreclr.h`` of dotnet/runtime.
"""

from __future__ import annotations

from dotdump.ipc.discovery import DEFAULT_DIRECTORY
from dotdump.ipc.ports import PortMode, parse_runtime_ports
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from dotdump.ipc.ports import Port

_PREFIXES = ("DOTNET_", "COMPlus_")


@record
class Settings:
    """Whether to serve at all, where the default socket goes, whether it suspends, and the ports to connect to."""

    enabled: bool = True
    directory: str = DEFAULT_DIRECTORY
    suspend: bool = False
    ports: tuple[Port, ...] = ()


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings; ports to listen on are ignored, as runtimes do: the default socket is the only one."""
    ports = parse_runtime_ports(_value(environment, "DiagnosticPorts") or "")
    return Settings(
        enabled=all(_number(environment, name, 1) for name in ("EnableDiagnostics", "EnableDiagnostics_IPC")),
        directory=environment.get("TMPDIR") or DEFAULT_DIRECTORY,
        suspend=_number(environment, "DefaultDiagnosticPortSuspend", 0) != 0,
        ports=tuple(port for port in ports if port.mode == PortMode.CONNECT),
    )


def _value(environment: Mapping[str, str], name: str) -> str | None:
    return next((environment[prefix + name] for prefix in _PREFIXES if prefix + name in environment), None)


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    """Runtimes read numbers in base 16."""
    try:
        return int(_value(environment, name) or "", 16)
    except ValueError:
        return default
