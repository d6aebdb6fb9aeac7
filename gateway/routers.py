"""Every door of the management API, in the order of `api.md`."""

from gateway.api import (
    applications,
    audit,
    clients,
    code_lists,
    departments,
    elements,
    me,
    operations,
    people,
    publishing,
    quarantine,
    records,
    refusals,
    resources,
    sources,
    standards,
    status,
    subscriptions,
    tasks,
)
from gateway.oauth.routes import router as oauth
from gateway.open_catalogue import routes as open_catalogue

ROUTERS = (
    oauth,
    me.router,
    tasks.router,
    refusals.router,
    departments.router,
    people.router,
    clients.router,
    standards.router,
    code_lists.router,
    elements.router,
    sources.router,
    resources.router,
    publishing.router,
    applications.router,
    records.router,
    quarantine.router,
    subscriptions.router,
    audit.router,
    operations.router,
    status.router,
    open_catalogue.router,
)
