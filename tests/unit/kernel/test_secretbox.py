"""Master keys side by side: what one wrote another reads, and derived keys outlive them all."""

import pytest
from cryptography.fernet import InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from deploy.migrations.models import metadata
from gateway.admin import direct
from kernel import encrypted
from kernel.secretbox import Secretbox, key_id, root_of
from kernel.settings import Settings

FIRST, SECOND, THIRD = (letter * 32 for letter in (b"1", b"2", b"3"))
ROOT = root_of(FIRST)


def test_keys_are_those_that_builds_before_derived_from_the_master_key() -> None:
    def earlier(purpose: str) -> bytes:
        return HKDF(SHA256(), length=32, salt=b"shuyuan", info=purpose.encode()).derive(FIRST)

    for box in (Secretbox(FIRST), Secretbox(SECOND, others=(FIRST,), root=ROOT)):
        for purpose in ("cursors", "receipts", "subscription:1", "known-browsers"):
            assert box.derive(purpose) == earlier(purpose)


def test_each_of_two_keys_reads_what_the_other_wrote() -> None:
    old = Secretbox(FIRST, others=(SECOND,), root=ROOT)
    new = Secretbox(SECOND, others=(FIRST,), root=ROOT)
    assert new.decrypt(old.encrypt(b"value")) == old.decrypt(new.encrypt(b"value")) == b"value"


def test_a_value_names_its_key_once_there_was_a_rotation() -> None:
    """Without an id are those of the first key: builds before read them."""
    first, second = Secretbox(FIRST, root=ROOT), Secretbox(SECOND, root=ROOT)
    assert b"." not in first.encrypt(b"value")
    assert second.encrypt(b"value").startswith(key_id(SECOND).encode() + b".")
    for box, other in ((first, second), (second, first)):
        assert box.encrypt(b"value").startswith(box.mark)
        assert not other.encrypt(b"value").startswith(box.mark)


@pytest.mark.parametrize("writer", [Secretbox(FIRST, root=ROOT), Secretbox(SECOND, root=ROOT)])
def test_a_key_that_is_gone_reads_nothing(writer: Secretbox) -> None:
    with pytest.raises(InvalidToken):
        Secretbox(THIRD, root=ROOT).decrypt(writer.encrypt(b"value"))


@pytest.mark.parametrize("value", [b"", b".", b"x.y", b"\xff.x", b"gAAAAA", b"a" * 100])
def test_what_is_no_value_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidToken):
        Secretbox(SECOND, others=(FIRST,), root=ROOT).decrypt(value)


def test_the_command_knows_every_encrypted_column() -> None:
    """One that it forgot would be unreadable when the former key is gone."""
    every = [column for table in metadata.tables.values() for column in table.columns]
    assert set(direct.ENCRYPTED) == set(filter(encrypted.is_encrypted, every))
    assert len(direct.ENCRYPTED) == len(set(direct.ENCRYPTED)) == 10


def test_other_keys_are_listed_with_commas_or_a_line_each() -> None:
    texts = ["MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE", "Mg" * 21 + "M"]
    for listed in (",".join(texts), "\n".join(texts)):
        assert Settings(other_master_keys=listed).other_master_key_bytes()[0] == FIRST
    with pytest.raises(ValueError, match="SHUYUAN_OTHER_MASTER_KEYS"):
        Settings(other_master_keys="short").other_master_key_bytes()
