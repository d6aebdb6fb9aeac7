"""SQL of both databases, and batches of the queue."""

import importlib
from typing import Any

import pytest

from shuyuan_client.agent import draining, postgresql
from shuyuan_client.agent.databases import Row

COLUMNS = [("id", "integer"), ('na"me', "character varying(9)")]


def test_postgresql_upserts_by_key_and_types_as_the_table_does() -> None:
    assert postgresql.upsert('"p"', COLUMNS, ["id"]) == (
        'INSERT INTO "p" ("id", "na""me") SELECT r."id", r."na""me" '
        "FROM jsonb_to_recordset(CAST(? AS jsonb)) AS "
        'r("id" integer, "na""me" character varying(9)) '
        'ON CONFLICT ("id") DO UPDATE SET "na""me" = EXCLUDED."na""me"'
    )
    assert postgresql.upsert('"p"', COLUMNS[:1], ["id"]).endswith("DO NOTHING")
    assert "CONFLICT" not in postgresql.upsert('"p"', COLUMNS, [])
    assert postgresql.numbered("a = ? AND b = ?") == "a = $1 AND b = $2"


def test_mysql_upserts_by_key_and_finds_rows_some_keys_at_once() -> None:
    pytest.importorskip("pymysql", reason="pip install pymysql")
    mysql: Any = importlib.import_module("shuyuan_client.agent.mysql")
    assert mysql.upsert("`p`", ["id", "na`me"], ["id"]) == (
        "INSERT INTO `p` (`id`, `na``me`) VALUES (%s, %s) "
        "ON DUPLICATE KEY UPDATE `na``me` = VALUES(`na``me`)"
    )
    assert mysql.upsert("`p`", ["id"], ["id"]).endswith("UPDATE `id` = VALUES(`id`)")
    found = list(mysql.among(["a", "b"], [[n, n] for n in range(501)]))
    assert [len(values) for _sql, values in found] == [1000, 2]
    assert found[1] == ("(`a`, `b`) IN ((?, ?))", [500, 500])


def row(seq: int, op: str, key: str, body: str = "{}") -> Row:
    return (seq, op, key, "[]", body, "", None)


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        ([], 0),
        ([row(1, "upsert", "a"), row(2, "upsert", "b"), row(3, "delete", "c")], 2),
        ([row(1, "upsert", "a"), row(2, "upsert", "a")], 1),
        ([row(1, "upsert", "a", "x" * draining.BYTES_MAX), row(2, "upsert", "b")], 1),
    ],
)
def test_a_batch_is_of_one_operation_and_has_each_key_once(rows: list[Row], count: int) -> None:
    assert draining.together(rows) == rows[:count]
