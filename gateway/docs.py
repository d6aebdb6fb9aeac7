"""OpenAPI pages whose assets are shipped: they work without the internet."""

from pathlib import Path

import fastapi_offline
from fastapi import Response
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.responses import HTMLResponse

from gateway.openapi import Described

ASSETS = Path(fastapi_offline.__file__).parent / "static"
DOCUMENT = "/openapi.json"
MOUNT = "/static/openapi"
# Both viewers write a script into the page, make styles as they go, and Redoc starts a worker.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'"
)


def install(app: Described) -> None:
    async def document() -> Response:
        return Response(await app.written(), media_type="application/json")

    app.mount(MOUNT, StaticFiles(directory=ASSETS), name="openapi-assets")
    app.add_api_route(DOCUMENT, document, include_in_schema=False)
    app.add_api_route("/docs", _swagger, include_in_schema=False)
    app.add_api_route("/redoc", _redoc, include_in_schema=False)


async def _swagger() -> HTMLResponse:
    page = get_swagger_ui_html(
        openapi_url=DOCUMENT,
        title="Shuyuan 数源 API",
        swagger_js_url=f"{MOUNT}/swagger-ui-bundle.js",
        swagger_css_url=f"{MOUNT}/swagger-ui.css",
        swagger_favicon_url=f"{MOUNT}/favicon.png",
    )
    return _guarded(page)


async def _redoc() -> HTMLResponse:
    page = get_redoc_html(
        openapi_url=DOCUMENT,
        title="Shuyuan 数源 API",
        redoc_js_url=f"{MOUNT}/redoc.standalone.js",
        redoc_favicon_url=f"{MOUNT}/favicon.png",
        with_google_fonts=False,
    )
    return _guarded(page)


def _guarded(page: HTMLResponse) -> HTMLResponse:
    page.headers["Content-Security-Policy"] = POLICY
    return page
