"""The JSON schemas in docs are those of the records that commands print."""

from __future__ import annotations

import json

import jsonschema
import pytest

import json_schemas


@pytest.mark.parametrize("name", json_schemas.RESULTS)
def test_the_schema_in_docs_is_that_of_the_record(name: str) -> None:
    text = json_schemas.text_of(name)
    assert json_schemas.path_of(name).read_text() == text, "run python tests/json_schemas.py"
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_there_is_a_schema_for_all_that_is_printed_and_no_other() -> None:
    assert json_schemas.printed() == set(json_schemas.RESULTS)
    assert {path.name for path in json_schemas.FOLDER.iterdir()} == {
        json_schemas.path_of(name).name for name in json_schemas.RESULTS
    }
