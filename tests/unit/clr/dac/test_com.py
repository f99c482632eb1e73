"""COM by hand, both sides of it in one process."""

from __future__ import annotations

import ctypes

import pytest

from dotdump.clr.dac.com import E_FAIL, S_OK, ComObject, ComServer
from dotdump.clr.dac.interfaces import DATA_TARGET, RUNTIME_LOCATOR, STACK_WALK
from dotdump.errors import DacFailed


def store(_this: int, out: int) -> int:
    ctypes.c_uint64.from_address(out).value = 0x7F0000000000
    return S_OK


def fail(_this: int, out: int) -> int:
    raise ValueError(out)


@pytest.fixture
def server() -> ComServer:
    return ComServer((DATA_TARGET, {"GetMachineType": fail}), (RUNTIME_LOCATOR, {"GetRuntimeBase": store}))


def test_a_method_of_another_interface_is_found_and_called(server: ComServer) -> None:
    found = ComObject(DATA_TARGET, server.address).query(RUNTIME_LOCATOR)
    out = ctypes.c_uint64()
    assert found is not None
    assert found.call("GetRuntimeBase", ctypes.addressof(out)) == S_OK
    assert out.value == 0x7F0000000000
    found.release()


def test_an_interface_that_is_not_there_is_none(server: ComServer) -> None:
    assert ComObject(DATA_TARGET, server.address).query(STACK_WALK) is None


def test_an_exception_in_a_callback_is_a_failure_and_not_success(server: ComServer) -> None:
    out = ctypes.c_uint32()
    assert ComObject(DATA_TARGET, server.address).hresult("GetMachineType", ctypes.addressof(out)) == E_FAIL
    with pytest.raises(DacFailed, match="GetMachineType of the DAC failed: HRESULT 0x80004005"):
        ComObject(DATA_TARGET, server.address).call("GetMachineType", ctypes.addressof(out))


def test_a_method_that_we_do_not_have_says_so(server: ComServer) -> None:
    assert ComObject(DATA_TARGET, server.address).hresult("GetPointerSize", 0) & 0xFFFFFFFF == 0x80004001
