"""JSON, JSON lines and notebooks: every value is there, as it was written, near what it belongs to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.loading import load
from ingest.loading.cleaning import clean

ORDERS = """{"title": "Orders", "big": 123456789012345678901234567890, "price": 1.10, "huge": 1e400, "none": null,
"yes": true, "tags": ["a", "b"], "address": {"city": "K\\u00f6ln", "zip": "01000"}, "empty": {}, "same": 1, "same": 2,
"orders": [{"id": 1, "items": [{"sku": "x", "qty": 2}], "who": {"name": "Bob"}}, {"id": 2, "note": "two\\nlines"}]}"""


def test_an_object_is_lines_and_what_is_large_in_it_are_paragraphs() -> None:
    document = load("a.json", ORDERS.encode()).document
    assert document.text == (
        "title: Orders\nbig: 123456789012345678901234567890\nprice: 1.10\nhuge: 1e400\nnone: null\nyes: true\ntags: a, b\n"
        "address.city: Köln\naddress.zip: 01000\nempty: {}\nsame: 1\nsame: 2\n\n"
        "orders[0]:\nid: 1\nwho.name: Bob\n\norders[0].items[0]:\nsku: x\nqty: 2\n\norders[1]:\nid: 2\nnote: two\nlines"
    )
    assert document.title == "Orders"
    assert document.text[document.sections[0].start :].startswith("orders[0]:")
    assert document.sections[0].path == "orders"


def test_a_list_of_records_is_a_paragraph_for_each() -> None:
    data = json.dumps([{"name": "Ann", "age": 3}, {"name": "Bob", "tags": ["x"]}]).encode()
    assert load("people.json", data).document.text == "[0]:\nname: Ann\nage: 3\n\n[1]:\nname: Bob\ntags: x"


def test_json_lines_are_a_paragraph_for_each_and_what_is_none_stays() -> None:
    document = load("a.jsonl", b'{"a": 1, "b": "x"}\n\nnot json\n{"a": 2, "b": {"c": 3}}\n[1, 2]\n"words"').document
    assert document.text == "a: 1\nb: x\n\nnot json\n\na: 2\nb.c: 3\n\n1, 2\n\nwords"
    assert document.warnings == ("Lines that are not valid JSON were read as text: 1.",)
    assert load("a.json", b'{"a": 1}\n{"a": 2}\n').document.text == "a: 1\n\na: 2"


def test_what_is_not_json_is_read_as_text() -> None:
    document = load("a.json", b'{"a": 1,}').document
    assert document.text == '{"a": 1,}'
    assert "not valid JSON" in document.warnings[0]


@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 900 + b"]" * 900, b'{"a":' * 900 + b"1" + b"}" * 900]
)
def test_deep_nesting_is_read(data: bytes) -> None:
    assert load("a.json", data).document.text


def test_pictures_inside_are_left_out_and_told() -> None:
    data = json.dumps({"name": "logo", "data": "iVBORw0KGgo" * 500, "text": "word " * 500}).encode()
    document = load("a.json", data).document
    assert document.text.startswith("name: logo\ndata: (binary data)\ntext: word word")
    assert "binary data" in document.warnings[0]


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=10), st.dictionaries(st.text(max_size=8), inner, max_size=10)),
    max_leaves=40,
)


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    return [leaf for each in value for leaf in leaves(each)] if isinstance(value, list) else [value]


@settings(deadline=None)
@given(values)
def test_every_value_is_in_the_text(value: Any) -> None:
    document = load("a.json", json.dumps({"first": "x", "value": value}).encode()).document
    for leaf in leaves(value):
        written = leaf if isinstance(leaf, str) else json.dumps(leaf)
        words = clean(written.encode(errors="ignore").decode()).split()
        assert " ".join(words) in " ".join(document.text.split())
    for section in document.sections:
        assert 0 <= section.start <= len(document.text)


def test_a_notebook_is_its_cells() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Leave\n", "How many days?"]},
        {
            "cell_type": "code",
            "source": "print(30)",
            "outputs": [{"text": ["30\n"]}, {"data": {"image/png": "iVBOR", "text/plain": "<Figure>"}}],
        },
        {"cell_type": "code", "source": [], "outputs": []},
        {"cell_type": "markdown", "source": "## Sick leave"},
    ]
    document = load("a.ipynb", json.dumps({"cells": cells}).encode()).document
    assert document.text == "# Leave\nHow many days?\n\n```\nprint(30)\n```\n\n30\n\n<Figure>\n\n## Sick leave"
    assert document.title == "Leave"
    assert [document.text[each.start :].split("\n")[0] for each in document.sections] == ["# Leave", "## Sick leave"]
    assert load("a.ipynb", b'{"cells": 5}').document.text == "cells: 5"
