"""The console's own files: kept in memory, addressed by their content, cached for ever."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from kernel.errors import NotFound

FOLDER: Final = Path(__file__).parent / "static"
TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HASH_DIGITS: Final = 12
IMMUTABLE: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
ICON_SECONDS: Final = 86_400

router = APIRouter()


@cache
def files() -> Mapping[str, tuple[str, bytes]]:
    """Return each file's hash and content."""
    contents = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix in TYPES}
    return {
        name: (hashlib.sha256(content).hexdigest()[:HASH_DIGITS], content)
        for name, content in contents.items()
    }


def address(name: str) -> str:
    """Return the address of a file as it is now."""
    return f"/static/console/{files()[name][0]}/{name}"


@router.get("/static/console/{digest}/{name}", include_in_schema=False)
async def serve(digest: str, name: str) -> Response:
    found = files().get(name)
    if found is None or found[0] != digest:
        raise NotFound
    return Response(found[1], media_type=TYPES[Path(name).suffix], headers=IMMUTABLE)


@router.get("/favicon.ico", include_in_schema=False)
async def icon() -> Response:
    content = files()["icon.svg"][1]
    headers = {"Cache-Control": f"public, max-age={ICON_SECONDS}"}
    return Response(content, media_type=TYPES[".svg"], headers=headers)
