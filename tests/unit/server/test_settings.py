"""Diagnostics settings, read as runtimes read them."""

import pytest

from dotdump.ipc.ports import Port, PortMode
from dotdump.server.settings import Settings, read_settings


def test_without_settings_it_serves_on_the_default_socket_and_does_not_wait() -> None:
    assert read_settings({}) == Settings(enabled=True, directory="/tmp", suspend=False, ports=())


@pytest.mark.parametrize(
    "environment",
    [
        {"DOTNET_EnableDiagnostics": "0"},
        {"DOTNET_EnableDiagnostics_IPC": "0"},
        {"COMPlus_EnableDiagnostics": "0"},
        {"DOTNET_EnableDiagnostics": "0", "COMPlus_EnableDiagnostics": "1"},
        {"DOTNET_EnableDiagnostics": "1", "DOTNET_EnableDiagnostics_IPC": "0"},
        {"DOTNET_EnableDiagnostics": "", "COMPlus_EnableDiagnostics": "0"},
        {"DOTNET_EnableDiagnostics": " 0g"},
        {"DOTNET_EnableDiagnostics": "0x"},
    ],
)
def test_a_zero_in_either_setting_switches_it_off(environment: dict[str, str]) -> None:
    assert not read_settings(environment).enabled


@pytest.mark.parametrize("value", ["1", "", "yes", "0x1", "-1", "100000000"])
def test_what_is_not_zero_does_not_switch_it_off(value: str) -> None:
    assert read_settings({"DOTNET_EnableDiagnostics": value}).enabled


def test_ports_to_connect_to_are_kept_and_ports_to_listen_on_are_not() -> None:
    ports = read_settings({"DOTNET_DiagnosticPorts": "/a;/b,nosuspend;/c,listen;,,"}).ports
    assert ports == (Port("/a", PortMode.CONNECT), Port("/b", PortMode.CONNECT, suspend=False))


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("/a, nosuspend", [("/a", True)]),
        ("/a,nosuspend ", [("/a", True)]),
        (" /a,nosuspend", [(" /a", False)]),
        ("/a ;/b\t,nosuspend", [("/a ", True), ("/b\t", False)]),
        ("/a,,nosuspend", [("/a", False)]),
        (",/a,nosuspend", [("/a", False)]),
        (",nosuspend", [("nosuspend", True)]),
        ("/a,connect ,listen", []),
        (" ; ;,; ,", []),
    ],
)
def test_what_is_between_separators_is_taken_as_it_is(text: str, ports: list[tuple[str, bool]]) -> None:
    found = read_settings({"DOTNET_DiagnosticPorts": text}).ports
    assert found == tuple(Port(address, PortMode.CONNECT, suspend) for address, suspend in ports)


def test_the_socket_goes_where_temporary_files_go() -> None:
    assert read_settings({"TMPDIR": "/var/tmp/"}).directory == "/var/tmp/"
    assert read_settings({"TMPDIR": ""}).directory == "/tmp"


@pytest.mark.parametrize(
    ("value", "waits"),
    [("1", True), ("1 x", True), ("false", True), ("true", False), ("0", False), ("", False), ("10000000000", False)],
)
def test_waiting_on_the_default_port_is_asked_for_by_a_number(value: str, waits: bool) -> None:
    assert read_settings({"DOTNET_DefaultDiagnosticPortSuspend": value}).suspend is waits
