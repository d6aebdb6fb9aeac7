"""Headers of tus 1.0, resumable uploads; pure but for the errors of requests."""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from kernel.errors import BadRequest, Stale, Text, TooLarge

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,checksum,expiration,termination"
ALGORITHM: Final = "sha256"
NAME_MAX: Final = 200
METADATA_MAX: Final = 8 * 1024
DIGEST_BYTES: Final = 32
_WHOLE: Final = re.compile(r"\d{1,18}", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_MEDIA: Final = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,80}", re.ASCII)
MEDIA_USUAL: Final = "application/octet-stream"


class OtherVersion(Stale):
    """`Tus-Version` tells which is spoken here."""

    code = "tus_version"
    title = Text("须携带 Tus-Resumable: 1.0.0", "The request needs Tus-Resumable: 1.0.0")


def require_version(headers: Mapping[str, str]) -> None:
    """Raise OtherVersion unless the request speaks tus 1.0.0."""
    if headers.get("tus-resumable") != VERSION:
        raise OtherVersion


def length_of(headers: Mapping[str, str], most: int) -> int:
    """Return how long the file is said to be; raises BadRequest, TooLarge."""
    length = _number(headers, "upload-length")
    if length > most:
        raise TooLarge(limit_bytes=most)
    return length


def offset_of(headers: Mapping[str, str]) -> int:
    return _number(headers, "upload-offset")


def _number(headers: Mapping[str, str], name: str) -> int:
    value = headers.get(name, "")
    if _WHOLE.fullmatch(value) is None:
        raise BadRequest(f"{name} 须为整数", f"{name} has to be a whole number")
    return int(value)


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what `Upload-Metadata` says; raises BadRequest."""
    header = headers.get("upload-metadata", "")
    told: dict[str, str] = {}
    if len(header) > METADATA_MAX:
        raise _unreadable()
    for pair in header.split(",") if header.strip() else ():
        name, _, value = pair.strip().partition(" ")
        try:
            text = b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise _unreadable() from error
        if not name or name in told or not text.isprintable():
            raise _unreadable()
        told[name] = text
    return told


def _unreadable() -> BadRequest:
    return BadRequest(
        "Upload-Metadata 须为逗号分隔的“名称 base64 值”",
        "Upload-Metadata has to be names with values in base64, joined by commas",
    )


def name_of(metadata: Mapping[str, str], usual: str) -> str:
    """Return a name without folders."""
    name = metadata.get("filename", "").replace("\\", "/").rpartition("/")[2].strip()
    return name[-NAME_MAX:] or usual


def media_of(metadata: Mapping[str, str]) -> str:
    media = metadata.get("filetype", "")
    return media.lower() if _MEDIA.fullmatch(media) else MEDIA_USUAL


def claimed_of(metadata: Mapping[str, str]) -> str | None:
    """Return the SHA-256 that the whole file is said to have; raises BadRequest."""
    claimed = metadata.get("sha256")
    if claimed is not None and _SHA256.fullmatch(claimed) is None:
        raise BadRequest("sha256 须为 64 位十六进制", "sha256 has to be 64 hexadecimal digits")
    return None if claimed is None else claimed.lower()


def checksum_of(headers: Mapping[str, str]) -> str | None:
    """Return the SHA-256 of the piece, hexadecimal; None without one. Raises BadRequest."""
    header = headers.get("upload-checksum")
    if header is None:
        return None
    algorithm, _, value = header.partition(" ")
    try:
        digest = b64decode(value, validate=True)
    except binascii.Error:
        digest = b""
    if algorithm != ALGORITHM or len(digest) != DIGEST_BYTES:
        raise BadRequest(
            "Upload-Checksum 只支持 sha256，值为 base64",
            "Upload-Checksum has to be sha256 and a value in base64",
        )
    return digest.hex()


def told(offset: int, length: int, expires_at: datetime | None = None) -> dict[str, str]:
    """Return the headers of an answer about an upload."""
    headers = {
        "Tus-Resumable": VERSION,
        "Upload-Offset": str(offset),
        "Upload-Length": str(length),
        "Cache-Control": "no-store",
    }
    if expires_at is not None:
        headers["Upload-Expires"] = format_datetime(expires_at, usegmt=True)
    return headers


def abilities(most_bytes: int) -> dict[str, str]:
    """Return what OPTIONS tells."""
    return {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": ALGORITHM,
        "Tus-Max-Size": str(most_bytes),
    }
