"""Applications that are not agreed to where they were made: refused, or sent to the source."""

from deploy.demo.stage import Json
from deploy.region.building.asking import Asked, agreed, applied, department_of, system_of
from deploy.region.building.stage import Stage
from deploy.region.story_files import DecisionRow


def decide(stage: Stage, row: DecisionRow) -> Json:
    """Return what was decided, and the subscription at the right source."""
    consumer, resource = system_of(stage, row.consumer), stage.region.resources[row.provider]
    asked = Asked(consumer, resource, row.mode, "", row.items)
    shown = applied(stage, row.id, asked)
    path = f"/v1/applications/{shown['id']}"
    if row.outcome == "refused":
        if shown["status"] != "refused":
            shown = stage.head(resource.department).ask(
                "POST", f"{path}/refuse", _refusal(stage, row)
            )
        return {"state": shown["status"], "code": shown["decision"]["code"]}
    right = stage.region.resources[str(row.to)]
    if shown["status"] != "rerouted":
        body = {"resource_id": stage.resource_id(str(row.to)), "reason": row.reason}
        authority = stage.authority(resource.department.region_code)
        shown = authority.ask("POST", f"{path}/reroute", body)
    clerk = stage.clerk(department_of(stage, consumer))
    sent = clerk.ask("GET", f"/v1/applications/{shown['rerouted_to']}")
    subscription = agreed(stage, sent, right, row.mode)
    pages = stage.system(row.consumer).pages(subscription)
    return {"state": shown["status"], "received": sum(len(page.lines) for page in pages)}


def _refusal(stage: Stage, row: DecisionRow) -> Json:
    said: Json = {"code": row.code, "reason": row.reason}
    if row.basis is not None:
        said["basis"] = row.basis
    if row.to is not None:
        said["source_department"] = stage.region.resources[row.to].department.uscc
    return said
