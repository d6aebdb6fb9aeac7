"""Headers of tus 1.0, right and wrong ones."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from gateway import tus
from kernel.errors import BadRequest, TooLarge


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


def test_metadata_names_the_file_without_its_folders() -> None:
    header = f"filename {b64('../秘密/统计.csv')},filetype {b64('text/CSV')}, is_final"
    metadata = tus.metadata_of({"upload-metadata": header})
    assert tus.name_of(metadata, "file") == "统计.csv"
    assert tus.media_of(metadata) == "text/csv"
    assert metadata["is_final"] == ""
    assert tus.name_of({}, "file") == "file"
    assert tus.media_of({"filetype": "text/html; x"}) == tus.MEDIA_USUAL


@pytest.mark.parametrize(
    "header",
    ["filename !!!", "a YQ==,a YQ==", f"filename {b64('a' + chr(10))}", "a " + "A" * 9000,
     f"filename {b64encode(bytes([255])).decode()}"],
)  # fmt: skip
def test_metadata_that_cannot_be_read_are_refused(header: str) -> None:
    with pytest.raises(BadRequest):
        tus.metadata_of({"upload-metadata": header})


@pytest.mark.parametrize(
    "headers",
    [{}, {"upload-length": "-1"}, {"upload-length": "1e3"}, {"upload-length": "9" * 30},
     {"upload-length": "①"}, {"upload-defer-length": "1"}],
)  # fmt: skip
def test_a_length_is_a_whole_number(headers: Mapping[str, str]) -> None:
    with pytest.raises(BadRequest):
        tus.length_of(headers, 10)


def test_a_length_has_a_bound() -> None:
    assert tus.length_of({"upload-length": "10"}, 10) == 10
    with pytest.raises(TooLarge):
        tus.length_of({"upload-length": "11"}, 10)


def test_a_checksum_is_a_sha256() -> None:
    digest = b64encode(bytes(32)).decode()
    assert tus.checksum_of({"upload-checksum": f"sha256 {digest}"}) == "00" * 32
    assert tus.checksum_of({}) is None
    for wrong in ("sha1 AAAA", "sha256 AAAA", f"sha256 {digest}!", "sha256"):
        with pytest.raises(BadRequest):
            tus.checksum_of({"upload-checksum": wrong})


def test_a_claimed_digest_has_64_digits() -> None:
    assert tus.claimed_of({"sha256": "AB" * 32}) == "ab" * 32
    assert tus.claimed_of({}) is None
    with pytest.raises(BadRequest):
        tus.claimed_of({"sha256": "ab"})


def test_another_version_is_told_which_is_spoken() -> None:
    tus.require_version({"tus-resumable": "1.0.0"})
    for headers in ({}, {"tus-resumable": "0.2.2"}):
        with pytest.raises(tus.OtherVersion):
            tus.require_version(headers)


def test_an_answer_tells_where_the_upload_stands_and_until_when() -> None:
    told = tus.told(3, 9, datetime(2026, 5, 1, 2, 3, 4, tzinfo=UTC))
    assert (told["Upload-Offset"], told["Upload-Length"]) == ("3", "9")
    assert told["Upload-Expires"] == "Fri, 01 May 2026 02:03:04 GMT"
