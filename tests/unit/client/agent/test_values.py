"""Values on their way between records and columns."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from shuyuan_client.agent.capture import READ_ROWS, _more
from shuyuan_client.agent.databases import Column, DatabaseRefused, Kind, columns_of_key
from shuyuan_client.agent.values import kind_of, landed, line, published, split_key, text_of
from shuyuan_client.failures import Failure

ZONE = ZoneInfo("Asia/Shanghai")
LOCAL = Column("c", "timestamp", "moment", zone="local")
STORED_UTC = Column("c", "timestamp", "moment", zone="utc")
OWN = Column("c", "timestamp with time zone", "moment")
TEXT = Column("c", "text", "text")
FIXED = Column("c", "character(5)", "text")
NUMBER = Column("c", "numeric", "decimal")


@pytest.mark.parametrize(
    ("value", "column", "expected"),
    [
        ("2026-01-05T00:30:00Z", LOCAL, "2026-01-05 08:30:00"),
        ("2026-01-05T08:30:00.25+08:00", STORED_UTC, "2026-01-05 00:30:00.250000"),
        ("2026-01-05T08:30:00+08:00", OWN, "2026-01-05T08:30:00+08:00"),
        # Summer time of 1988: nine hours before Greenwich.
        ("1988-07-01T00:00:00Z", LOCAL, "1988-07-01 09:00:00"),
        (True, TEXT, "true"),
        (7, TEXT, 7),
        (None, LOCAL, None),
        ("2026-01-05t00:30:00z", LOCAL, "2026-01-05 08:30:00"),
    ],
)
def test_a_record_fits_its_column(value: object, column: Column, expected: object) -> None:
    assert landed(value, column, ZONE) == expected


@pytest.mark.parametrize(
    ("value", "kind", "column", "expected"),
    [
        (datetime(2026, 1, 5, 8), "moment", LOCAL, "2026-01-05T08:00:00+08:00"),  # noqa: DTZ001
        (datetime(2026, 1, 5, 8), "moment", STORED_UTC, "2026-01-05T08:00:00+00:00"),  # noqa: DTZ001
        (datetime(2026, 1, 4, 20, tzinfo=UTC), "date", OWN, "2026-01-05"),
        (date(2026, 1, 5), "date", TEXT, "2026-01-05"),
        (Decimal("1.50"), "decimal", NUMBER, "1.50"),
        (Decimal("1E+3"), "integer", NUMBER, 1000),
        (Decimal("1.5"), "integer", NUMBER, "1.5"),
        (0.1, "decimal", NUMBER, "0.1"),
        (1, "boolean", NUMBER, True),
        (12, "text", NUMBER, "12"),
        ("ab   ", "text", FIXED, "ab"),
        ("ab  ", "text", TEXT, "ab  "),
        (5, None, NUMBER, 5),
    ],
)
def test_a_column_gives_what_the_contract_takes(
    value: object, kind: Kind | None, column: Column, expected: object
) -> None:
    assert published(value, kind, column, ZONE) == expected


@pytest.mark.parametrize("value", ["9999-12-31T23:59:59Z", "2016-12-31T23:59:60Z"])
def test_a_moment_that_its_column_cannot_hold_is_refused(value: str) -> None:
    # The contract takes it; it ended the whole agent, the other jobs too.
    with pytest.raises(DatabaseRefused, match=f"c timestamp: {value}"):
        landed(value, LOCAL, ZONE)


@pytest.mark.parametrize(
    ("value", "kind", "column"), [(datetime.max.replace(tzinfo=UTC), "date", OWN)]
)
def test_a_moment_beyond_all_days_is_no_date(value: object, kind: Kind, column: Column) -> None:
    # PostgreSQL's `infinity` is read as the last moment there is.
    with pytest.raises(Failure, match=r"cannot be published|无法提交"):
        published(value, kind, column, ZONE)


def test_what_is_no_number_is_left_to_the_contract() -> None:
    assert published(float("inf"), "integer", NUMBER, ZONE) == "Infinity"


def test_a_key_item_without_a_column_is_a_failure_of_its_job() -> None:
    with pytest.raises(Failure, match=r"orders.*id"):
        columns_of_key("orders", ["name", "id"], {"name": "name"})


def test_bytes_are_no_value_of_a_record() -> None:
    with pytest.raises(Failure, match="bytea"):
        published(b"x", "text", Column("c", "bytea", "other"), ZONE)


def test_keys_are_taken_apart() -> None:
    assert split_key("a%7Eb~1~%25") == ["a~b", "1", "%"]
    assert [text_of(each) for each in (Decimal("1E+3"), date(2026, 1, 5), 7)] == [
        "1000", "2026-01-05", "7",
    ]  # fmt: skip


def test_a_line_leaves_out_what_has_no_value() -> None:
    assert line(["a", "b", "c"], ["甲", None, 1]) == '{"a":"甲","c":1}'.encode()


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"type": ["string", "number"]}, "decimal"),
        ({"type": ["integer", "null"]}, "integer"),
        ({"type": "boolean"}, "boolean"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": ["string", "null"], "format": "date-time"}, "moment"),
        ({"type": "string", "enum": ["1"]}, "text"),
        ({}, "text"),
    ],
)
def test_a_schema_tells_the_kind(item: dict[str, object], kind: Kind) -> None:
    assert kind_of(item) == kind


def test_what_is_read_at_once_follows_the_size_of_the_rows() -> None:
    assert _more(500, 500 * 300) == 1_000
    assert _more(8_000, 8_000 * 300) == READ_ROWS
    assert _more(1_000, 1_000 * 1024 * 1024) == 4
    assert _more(1, 8 * 1024 * 1024) == 1
    assert _more(500, 0) == 1_000
