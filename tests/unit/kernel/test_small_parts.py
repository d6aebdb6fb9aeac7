import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import paging
from kernel.answers import check_key
from kernel.errors import BadRequest, InvalidCursor
from kernel.ids import new_id
from kernel.secretbox import Secretbox, mac
from kernel.settings import Settings


def test_ids_are_unique_and_ordered_by_time() -> None:
    first = new_id()
    time.sleep(0.002)
    later = [new_id() for _ in range(1000)]
    assert len(set(later)) == 1000
    assert all(first < another for another in later)
    assert first[12] == "7"


def test_each_purpose_has_its_own_key() -> None:
    box = Secretbox(b"m" * 32)
    assert box.derive("cursors") != box.derive("receipts")
    assert box.derive("cursors") == Secretbox(b"m" * 32).derive("cursors")


def test_what_is_encrypted_reads_back() -> None:
    box = Secretbox(b"m" * 32)
    stored = box.encrypt("秘密".encode())
    assert "秘密".encode() not in stored
    assert box.decrypt(stored) == "秘密".encode()


def test_parts_of_a_mac_cannot_be_shifted() -> None:
    assert mac(b"k", b"ab", b"c") != mac(b"k", b"a", b"bc")


@given(st.text(min_size=1).filter(lambda text: "\x00" not in text))
def test_list_cursors_read_back(key: str) -> None:
    try:
        encoded = paging.encode(key)
    except UnicodeEncodeError:
        return
    assert paging.decode(encoded) == key


@pytest.mark.parametrize("cursor", ["", "=", "数", "//", "_w", "AA"])
def test_a_made_up_list_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        paging.decode(cursor)


@pytest.mark.parametrize("key", ["a", "x" * 128, "with space", "~!@#"])
def test_an_idempotency_key_is_printable_ascii(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize("key", ["", "x" * 129, "数源", "tab\t", "new\nline", "\x00"])
def test_any_other_idempotency_key_is_refused(key: str) -> None:
    with pytest.raises(BadRequest):
        check_key(key)


def test_settings_show_no_secret() -> None:
    shown = repr(Settings(database_url="postgresql://me:hidden@db/x", master_key="hidden"))
    assert "hidden" not in shown


@pytest.mark.parametrize("hours", [0, 1, 167, 191])
def test_records_are_not_kept_shorter_than_their_keys_are_good(hours: int) -> None:
    """A retry after the log had dropped its batch would store it again."""
    with pytest.raises(ValueError, match="SHUYUAN_RETENTION_HOURS"):
        Settings(retention_hours=hours)


def test_records_may_be_kept_for_ever_or_for_as_long_as_keys_are_good() -> None:
    assert Settings(retention_hours=-1).retention_hours == -1
    assert Settings(retention_hours=192).retention_hours == 192
