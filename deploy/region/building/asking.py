"""What events ask of the platform: applications, from their form to their grant."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deploy.demo.sharing import YEAR_DAYS, agree, day_after
from deploy.demo.stage import Json, listed
from deploy.region.building.stage import Stage
from deploy.region.files import SystemRow
from deploy.region.region import Department, Resource

FOLDING_SECONDS = 120.0
LEDGERED = frozenset({"pull", "table", "query"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a system asks for; without `items` all of them."""

    consumer: SystemRow
    resource: Resource
    mode: str
    reason: str
    items: tuple[str, ...] = ()
    row_filter: Sequence[Json] | None = None
    return_flow: bool = False
    last_day: str = ""

    @property
    def wanted(self) -> list[str]:
        return [*self.items] or [item.name for item in self.resource.items]


def department_of(stage: Stage, system: SystemRow) -> Department:
    return stage.region.departments[system.department]


def system_of(stage: Stage, name: str) -> SystemRow:
    return next(row for row in stage.region.files.systems if row.id == name)


def form(stage: Stage, asked: Asked) -> Json:
    """The application as the consumer's clerk writes it."""
    purposes = {row.group: row for row in stage.region.files.purposes}
    purpose, department = purposes[asked.consumer.group], department_of(stage, asked.consumer)
    words = {
        "system": asked.consumer.name, "department": department.row.name,
        "resource": asked.resource.name,
    }  # fmt: skip
    said: Json = {
        "resource_id": stage.resource_id(asked.resource.system.id),
        "client_id": stage.client_id(asked.consumer.id),
        "items": asked.wanted,
        "mode": asked.mode,
        "basis": purpose.basis,
        "scenario": asked.reason or purpose.scenario.format(**words),
        "scope": purpose.scope.format(**words),
        "valid_until": asked.last_day or day_after(YEAR_DAYS),
        "commitment": True,
        "return_flow": asked.return_flow,
    }
    return said if asked.row_filter is None else said | {"row_filter": asked.row_filter}


def applied(stage: Stage, name: str, asked: Asked) -> Json:
    """Return the application of this name, made and signed unless a run has done so before."""
    department = department_of(stage, asked.consumer)
    clerk, noted = stage.clerk(department), stage.notes.get(f"application {name}")
    if noted is None:
        noted = (
            _standing(stage, asked)
            or clerk.ask("POST", "/v1/applications", form(stage, asked))["id"]
        )
        stage.notes.note(f"application {name}", noted)
    path = f"/v1/applications/{noted}"
    shown = clerk.ask("GET", path)
    if shown["status"] == "draft":
        shown = stage.head(department).ask("POST", f"{path}/sign")
    return dict(shown)


def _standing(stage: Stage, asked: Asked) -> str | None:
    """Return the newest application of the kind that a run made, whose notes are lost."""
    wanted = form(stage, asked)
    told = ("resource_id", "client_id", "mode", "scenario", "return_flow")
    for row in _applications(stage, asked):
        if row["status"] != "withdrawn" and all(row[name] == wanted[name] for name in told):
            return str(row["id"])
    return None


def _applications(stage: Stage, asked: Asked) -> Iterator[Json]:
    clerk = stage.clerk(department_of(stage, asked.consumer))
    return listed(clerk, "/v1/applications", role="consumer")


def granted(stage: Stage, name: str, asked: Asked) -> str:
    """Return the subscription that the application of this name has led to."""
    return agreed(stage, applied(stage, name, asked), asked.resource, asked.mode)


def agreed(stage: Stage, application: Json, resource: Resource, mode: str) -> str:
    """Let the provider's head agree, once the latest state is folded where it must be."""
    if application["status"] == "agreed":
        return str(application["subscription_id"])
    said = {"ledger": True} if mode in LEDGERED else {}
    head, path = stage.head(resource.department), f"/v1/applications/{application['id']}"
    return str(agree(head, path, said, within_seconds=FOLDING_SECONDS)["subscription_id"])
