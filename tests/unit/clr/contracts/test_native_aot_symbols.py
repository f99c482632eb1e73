"""C# names out of the symbols of NativeAOT's types."""

from __future__ import annotations

import pytest

from dotdump.clr.contracts.native_aot_symbols import type_of_symbol

NAMES = {
    "String": "System.String",
    "__Array<UInt8>": "System.Byte[]",
    "__Array<__Array<Bool>>": "System.Boolean[][]",
    "__MDArray<Int32,2>": "System.Int32[,]",
    "Corpus_Corpus_Node": "Corpus.Node",
    "Boxed_Corpus_Corpus_AsyncScenario__HandleRequestAsync_d__4": "Corpus.AsyncScenario+<HandleRequestAsync>d__4",
    "Corpus_Corpus_Program___c": "Corpus.Program+<>c",
    "S_P_CoreLib_System_Text_StringBuilder": "System.Text.StringBuilder",
    "System_Net_Sockets_System_Net_Sockets_SocketAsyncEngine": "System.Net.Sockets.SocketAsyncEngine",
    "System_Console_System_IO_StdInReader": "System.IO.StdInReader",
    "S_P_CoreLib_System_Collections_Generic_Dictionary_2<String____Array<Corpus_Corpus_Line>>": (
        "System.Collections.Generic.Dictionary<System.String, Corpus.Line[]>"
    ),
    "S_P_CoreLib_System_Collections_Generic_Dictionary_2_Entry<Int32__Object>": (
        "System.Collections.Generic.Dictionary<System.Int32, System.Object>+Entry"
    ),
    "S_P_CoreLib_System_Collections_Generic_List_1<S_P_CoreLib_System_ValueTuple_2<String__Int32>>": (
        "System.Collections.Generic.List<System.ValueTuple<System.String, System.Int32>>"
    ),
}


@pytest.mark.parametrize(("mangled", "name"), NAMES.items(), ids=list(NAMES))
def test_a_name_comes_back(mangled: str, name: str) -> None:
    assert type_of_symbol(f"_ZTV{len(mangled)}{mangled}") == name


@pytest.mark.parametrize("symbol", ["main", "_ZTV7String", "_ZTV", "__GCStaticEEType_01", "_ZTVN10__cxxabiv1E"])
def test_a_symbol_of_another_form_stays(symbol: str) -> None:
    assert type_of_symbol(symbol) == symbol


def test_nesting_without_end_ends() -> None:
    mangled = "__Array<" * 5000 + "Int32" + ">" * 5000
    assert type_of_symbol(f"_ZTV{len(mangled)}{mangled}").count("[]") == 33


@pytest.mark.parametrize(
    ("mangled", "name"),
    [
        ("__MDArray<Int32,99999999999>", "System.Int32[*]"),
        ("__MDArray<Int32,99>", f"System.Int32[{',' * 31}]"),
        (f"A_B_{'9' * 5000}<Int32>", f"B.{'9' * 5000}"),
    ],
)
def test_numbers_that_no_compiler_writes_are_no_ranks_and_no_arities(mangled: str, name: str) -> None:
    assert type_of_symbol(f"_ZTV{len(mangled)}{mangled}") == name


@pytest.mark.parametrize("symbol", [f"_ZTV{'9' * 5000}X", f"_ZTV{1 << 17}{'a_' * (1 << 16)}"])
def test_a_symbol_that_is_too_long_stays(symbol: str) -> None:
    assert type_of_symbol(symbol) is symbol
