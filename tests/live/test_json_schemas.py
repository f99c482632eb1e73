"""What every command prints as JSON, of a real process and its core, fits its schema in docs."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

import json_schemas
from corpus import corpus, runtimes
from dotdump.cli.commands import completion, crashreport, createdump, demo
from dotdump.cli.main import main
from dotdump.cli.registry import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live

PRINT_NO_JSON = {module.__name__.rpartition(".")[2] for module in (completion, crashreport, createdump, demo)} | {
    "help"
}

WORDS = (
    "ps",
    "doctor -p {pid} -o {folder}",
    "collect -p {pid} -o {folder}/core",
    "info {folder}/core",
    "threads {folder}/core --registers",
    "modules {folder}/core",
    "memory {folder}/core {address} 64",
    "address {folder}/core {address}",
    "verify {folder}/core",
    "convert {folder}/core {folder}/core.zst",
    "heap {folder}/core",
    "heap {folder}/core --live",
    "heap {folder}/core --by-module",
    "objects {folder}/core --type Exception$ --fields _message",
    "objects {folder}/core --type Customer$ --sort retained --limit 5",
    "object {folder}/core {address}",
    "object {folder}/core {address} --alone",
    "roots {folder}/core {address}",
    "roots {folder}/core Corpus.Customer$",
    "retained {folder}/core",
    "retained {folder}/core --by object",
    "retained {folder}/core --by type",
    "retained {folder}/core --by root",
    "diff {folder}/core {folder}/core",
    "diff -p {pid} --seconds 0",
    "strings {folder}/core",
    "segments {folder}/core",
    "handles {folder}/core",
    "handles {folder}/core --by-type",
    "finalizers {folder}/core",
    "finalizers {folder}/core --objects",
    "statics {folder}/core",
    "exceptions {folder}/core",
    "locks {folder}/core",
    "tasks {folder}/core",
    "crash {folder}/core",
    "stacks {folder}/core --parallel",
    "stacks {folder}/core --native",
)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("schemas")
    with corpus(runtimes()[-1], "all") as running:
        yield {"pid": str(running.pid), "folder": str(folder)}


def answer(words: str, places: dict[str, str]) -> str:
    if "{address}" in words and "address" not in places:
        found = json.loads(answer("objects {folder}/core --type Corpus.Customer$ --limit 1", places))
        places["address"] = found["objects"][0]["address"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([word.format_map(places) for word in [*words.split(), "--format", "json"]]) in (0, 3), words
    return out.getvalue()


def test_what_commands_print_fits_their_schemas(places: dict[str, str]) -> None:
    seen = set()
    for words in WORDS:
        printed = json.loads(answer(words, places))
        name = printed["schema"].removeprefix("dotdump/")
        schema = json.loads(json_schemas.path_of(name).read_text())
        jsonschema.Draft202012Validator(schema).validate(printed)
        seen.add(name)
    assert seen == set(json_schemas.RESULTS)


def test_every_command_that_prints_json_is_asked() -> None:
    assert {words.split()[0] for words in WORDS} == set(COMMANDS) - PRINT_NO_JSON
