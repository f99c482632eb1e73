"""What a runtime makes of the variables that configure it, told from an environment.

``DOTNET_`` names count before ``COMPlus_`` ones, and what is empty counts as not set. Numbers are in base 16 and end,
as for strtoul(3), at the first character that is no digit; what is no number, or one of more than 32 bits, counts as
not set. Source of truth: ``clrconfignames.h`` of dotnet/runtime, and what 8.0.4 and 10.0.14 do.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIXES = ("DOTNET_", "COMPlus_")
ENABLED = ("EnableDiagnostics", "EnableDiagnostics_IPC")
"""Settings of which each turns the diagnostics of a runtime off where it is 0."""
_BLANKS = " \t\n\v\f\r"
_DIGITS = "0123456789abcdef"
_LARGEST = (1 << 32) - 1


def setting(environment: Mapping[str, str], name: str) -> tuple[str, str]:
    """Return the variable that sets ``name``, such as ``DiagnosticPorts``, and its text; two empty ones for none."""
    for prefix in PREFIXES:
        if text := environment.get(prefix + name):
            return prefix + name, text
    return "", ""


def is_on(environment: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Return whether ``name`` is set to a number other than 0; ``default`` where it is set to none."""
    text = setting(environment, name)[1].lstrip(_BLANKS).lower()
    text = text[1:] if text.startswith(("+", "-")) else text
    text = "0" + text[2:] if text.startswith("0x") else text
    digits = text[: len(text) - len(text.lstrip(_DIGITS))]
    if not digits or int(digits, 16) > _LARGEST:
        return default
    return int(digits, 16) != 0
