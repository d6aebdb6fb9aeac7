"""Every page of the console."""

from fastapi import APIRouter, FastAPI

from gateway.console import (
    administration,
    answering,
    applications,
    bundles,
    catalogue,
    clients,
    disputes,
    drafting,
    home,
    refusals,
    sign_in,
    sources,
    static,
    subscriptions,
    uploads,
    work,
)

ROUTERS = (
    home.router,
    static.router,
    sign_in.router,
    work.router,
    drafting.router,
    catalogue.router,
    applications.router,
    answering.router,
    bundles.router,
    subscriptions.router,
    disputes.router,
    sources.router,
    clients.router,
    refusals.router,
    administration.router,
    uploads.router,
)


def install(app: FastAPI) -> None:
    """Add the pages, and let failures of what a browser opened be pages too."""
    console = APIRouter(include_in_schema=False)
    for router in ROUTERS:
        console.include_router(router)
    app.include_router(console)
    app.state.problem_page = home.problem_page
