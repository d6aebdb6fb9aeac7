"""Every page of the console."""

from fastapi import APIRouter, FastAPI

from gateway.console import (
    administration,
    answering,
    applications,
    attachments,
    basket,
    bundles,
    calendar,
    catalogue,
    clients,
    contracts,
    corrections,
    delegations,
    demands,
    departments,
    disputes,
    doctor,
    drafting,
    endpoints,
    entry_life,
    flows,
    home,
    lags,
    league,
    load_tests,
    maps,
    mounted,
    notices,
    operation,
    orders,
    own,
    own_records,
    provided_files,
    quality,
    receipts,
    received_files,
    record_places,
    refusals,
    registry,
    replacements,
    sign_in,
    sources,
    static,
    subscriptions,
    supervision,
    trees,
    uploads,
    work,
    workbooks,
)

ROUTERS = (
    home.router,
    static.router,
    sign_in.router,
    work.router,
    drafting.router,
    basket.router,
    entry_life.router,
    quality.router,
    trees.router,
    contracts.router,
    catalogue.router,
    registry.router,
    workbooks.router,
    departments.router,
    demands.router,
    own.router,
    notices.router,
    calendar.router,
    delegations.router,
    applications.router,
    answering.router,
    bundles.router,
    subscriptions.router,
    endpoints.router,
    received_files.router,
    corrections.router,
    disputes.router,
    attachments.router,
    supervision.router,
    flows.router,
    league.router,
    orders.router,
    sources.router,
    clients.router,
    refusals.router,
    administration.router,
    operation.router,
    doctor.router,
    load_tests.router,
    record_places.router,
    lags.router,
    uploads.router,
    provided_files.router,
    own_records.router,
    mounted.router,
    receipts.router,
    replacements.router,
)


def install(app: FastAPI) -> None:
    """Add the pages, and let failures of what a browser opened be pages too.

    Raises NotAMap where the settings name a drawing that is none, before anybody asks for it.
    """
    if app.state.settings.map_file is not None:
        maps.of(app.state.settings.map_file)
    console = APIRouter(include_in_schema=False)
    for router in ROUTERS:
        console.include_router(router)
    app.include_router(console)
    app.state.problem_page = home.problem_page
