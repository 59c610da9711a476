"""Tables, as other libraries take them."""

from __future__ import annotations

from typing import Any

import pytest

import wormsift

TABLES = ["signatures", "incidents", "relays", "hosts", "events"]


def pandas_of(table: wormsift.Table) -> Any:
    pandas = pytest.importorskip("pandas")
    if not hasattr(pandas.DataFrame, "from_arrow"):
        pytest.skip("pandas before 3")
    return pandas.DataFrame.from_arrow(table)


@pytest.mark.parametrize("name", TABLES)
def test_libraries_take_tables_with_one_schema(found: wormsift.Run, name: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table: wormsift.Table = getattr(found, name)
    arrow = pyarrow.table(table)
    assert arrow.num_rows == len(table) and arrow.column_names == table.columns
    assert arrow.to_pylist() == pyarrow.table(table).to_pylist()
    assert pyarrow.schema(table) == arrow.schema
    for field in arrow.schema:
        if str(field.type).startswith("timestamp"):
            assert str(field.type) == "timestamp[ns, tz=UTC]"
        if field.name == "content":
            assert str(field.type) == "binary"

    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(table)
    assert frame.columns == table.columns and frame.height == len(table)
    for column, kind in frame.schema.items():
        if isinstance(kind, polars.Datetime):
            assert kind == polars.Datetime("ns", "UTC"), column
        if column == "content":
            assert kind == polars.Binary

    frame = pandas_of(table)
    assert list(frame.columns) == table.columns and len(frame) == len(table)

    duckdb = pytest.importorskip("duckdb")
    rows = table  # by its name, which duckdb looks for
    relation = duckdb.sql("from rows")
    assert relation.columns == table.columns and len(relation.fetchall()) == len(table)


def test_values_are_those_of_the_objects(found: wormsift.Run) -> None:
    signatures = found.signatures.to_pylist()
    for row, it in zip(signatures, found.findings(), strict=True):
        assert row["content"] == it.content and row["id"] == it.id
        assert row["first_seen"] == it.first_seen_ns and row["sources"] == it.sources
        assert row["reasons"] == it.reasons and row["relays"] == len(it.relays)
    relays = found.relays.to_pylist()
    assert [row["host"] for row in relays] == [r.host for it in found.findings() for r in it.relays]
    assert len(found.relays) == len([row for row in found.hosts.to_pylist() if row["role"] == "relay"])
    incidents = found.incidents.to_pylist()
    for row, incident in zip(incidents, found.incident_list(), strict=True):
        assert row["signatures"] == incident.signatures and row["kind"] == incident.kind
    with pytest.raises(KeyError):
        found.signatures["nothing"]


def test_events_are_a_table() -> None:
    corpus = wormsift.generate("telescope", seed=1)

    run = wormsift.detect(corpus, dark=corpus.truth["dark"]["network"])
    events = run.events
    assert len(events) > 0 and set(events["event"]) <= {"scan", "victim", "wave", "decoy"}
    lines = [line for line in run.lines() if '"type":"event"' in line]
    assert events["json"] == lines


def test_an_evaluation_is_tables() -> None:
    done = wormsift.evaluate("outbreak", seeds=2, sweep=("sources", [5, 30]), destinations=5)
    assert done.rows["swept"] == ["5", "30"] and done.rows["name"] == ["outbreak"] * 2
    assert done.runs["seed"] == [1, 2, 1, 2]
    assert done.to_csv().splitlines()[0].startswith("name,subject,")
    assert len(done.to_csv().splitlines()) == 1 + len(done.rows)
    assert "outbreak" in str(done) and "<html" in done.to_html()
    assert done.to_dict()["sweep"] == {"key": "sources", "values": ["5", "30"]}
    pytest.importorskip("pandas")
    frame = done.to_frame()
    assert list(frame["first_runs"]) == [2, 2]


def test_an_evaluation_is_that_of_the_tool(tool: Any, tmp_path: Any) -> None:
    import json
    import subprocess

    arguments = ["evaluate", "-q", "--scenario", "outbreak", "--seeds", "2", "--runs-only", "--json"]
    done = subprocess.run([tool, *arguments], capture_output=True, check=True)
    expected, found = json.loads(done.stdout), wormsift.evaluate("outbreak", seeds=2).to_dict()
    for it in (expected, found):
        it.pop("setting")
        for row in it["rows"]:
            row.pop("bytes_per_second")
            for run in row["runs"]:
                run.pop("seconds")
    assert found == expected
