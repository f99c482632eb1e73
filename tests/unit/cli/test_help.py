"""Words that are no commands, and help for those that are, by our names and by those of SOS."""

from __future__ import annotations

import re
import shlex

import pytest

from dotdump.cli.arguments import parse
from dotdump.cli.main import main
from dotdump.cli.registry import COMMANDS, load
from dotdump.cli.sos_commands import SOS

WORDS = {"CORE": "core.1", "ADDRESS": "0x7f0010000028", "ID": "4711", "REGEX": "Session$", "START-END": "10000-20000"}
LINES = [(name, words) for name, lines in SOS.items() for words, _ in lines]

REACHED_FOR = """
analyze analyzeoom assemblies bpmd clrmodules clrstack clrthreads crashinfo d da db dbgout dc dcd dcq dd do dq dso du
dumpalc dumparray dumpassembly dumpasync dumpccw dumpclass dumpconcurrentdictionary dumpconcurrentqueue dumpdelegate
dumpdomain dumpexceptions dumpgen dumpheap dumphttp dumpil dumplog dumpmd dumpmodule dumpmt dumpobj dumpobjgcrefs
dumppermissionset dumprcw dumprequests dumpruntimetypes dumpsig dumpstackobjects dumpvc eeheap eeversion ehinfo
enummem ephrefs ephtoloh ext finalizequeue findappdomain findpointersin findroots fq gchandles gcheapstat gcinfo
gcroot gctonative gcwhere histstats hof ip2md listnearobj lm lno loadsymbols logclose logopen maddress modules name2ee
notreachableinrange objsize parallelstacks pathto pe printexception pstacks r readmemory registers runtimes setclrpath
setsymbolserver setthread sizestats sos sosflush soshelp sosstatus stoponcatch suppressjitoptimization syncblk
taskstate threadpool threadpoolqueue threads threadstate ti timerinfo tks token2ee tpq traverseheap u verifyheap
verifyobj watsonbuckets
"""


@pytest.mark.parametrize(("name", "words"), LINES, ids=[f"{name}: {words}" for name, words in LINES])
def test_what_a_command_of_sos_is_here_is_a_command_line_that_is_taken(name: str, words: str) -> None:
    line = [WORDS.get(word, word) for word in shlex.split(words)]
    _, command = parse(line)
    assert command is load(line[0])
    assert name == name.lower()


def test_every_command_of_sos_that_people_reach_for_is_known() -> None:
    assert set(REACHED_FOR.split()) <= set(SOS)


@pytest.mark.parametrize("name", ["dumpheap", "DumpHeap", "!dumpheap"])
def test_a_name_of_sos_in_place_of_a_command_is_told_what_it_is_here(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "core.1", "-stat"])
    assert ended.value.code == 2
    told = capsys.readouterr().err.splitlines()
    assert told[:4] == [
        "usage: dotdump COMMAND [OPTIONS]",
        f"dotdump: there is no command {name!r}",
        "  hint: 'dotdump --help' lists the commands",
        f"what SOS calls {name}:",
    ]
    assert re.fullmatch(r"  dotdump heap CORE +-stat.*", told[4])


def test_a_slip_is_told_what_is_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    for word, meant in (("stack", "stacks"), ("colect", "collect"), ("segment", "segments")):
        with pytest.raises(SystemExit):
            main([word])
        assert f"did you mean {meant}" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["zzzzzz"])
    assert "did you mean" not in capsys.readouterr().err


def test_help_shows_what_a_commands_own_help_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["stacks", "--help"])
    shown = capsys.readouterr().out
    assert main(["help", "stacks"]) == 0
    assert capsys.readouterr().out == shown
    assert main(["help"]) == 0
    overview = capsys.readouterr().out
    assert all(f"  {name} " in overview for name in COMMANDS)


def test_help_for_a_name_of_sos_is_an_answer_and_for_no_name_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "gcroot"]) == 0
    assert "dotdump roots CORE ADDRESS" in capsys.readouterr().out
    assert main(["help", "dumpil"]) == 0
    assert capsys.readouterr().out == "nothing here does what dumpil does in SOS\n"
    assert main(["help", "zzzzzz"]) == 2
    assert "there is no command 'zzzzzz'" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["dumpheap", "-stat"], ["!DumpHeap", "-mt", "7f0010"], ["stacks", "-p", "4711"]])
def test_help_takes_a_command_with_its_options(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", *words[:1]]) == 0
    shown = capsys.readouterr().out
    assert main(["help", *words]) == 0
    assert capsys.readouterr().out == shown


def test_the_whole_list_names_every_command_of_sos(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "--sos"]) == 0
    shown = capsys.readouterr().out
    assert set(SOS) <= set(re.findall(r"[a-z0-9]+", shown))
