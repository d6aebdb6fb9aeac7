"""目录 · 契约: what a machine is given of an entry, as text, and records made up of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi import APIRouter, Response

from catalog import versions
from catalog.contracts.examples import Examples, Value, described, examples
from catalog.contracts.model import Contract
from gateway import downloads as files
from gateway.api.resources import VERSION_MAX, SchemaResponse
from gateway.console.pages import page
from gateway.console.visit import Visit
from kernel.errors import NotFound
from kernel.turns import unhurried
from kernel.workdays import local_date

router = APIRouter()
ADDRESS: Final = "/console/catalogue/{id}/contract"
TEMPLATE: Final = "contract.html"
# Longer lists are cut in the text: the file has all of them.
CODES_SHOWN: Final = 20
CODES_MAX: Final = 50
NDJSON: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class ContractPage:
    """`text` is the contract as it is sent, but for the code lists of the items in `cut`.

    `table` has for each item (name, label) its value in each of the examples.
    """

    resource_id: str
    name: str
    version: int
    versions: Sequence[int]
    text: str
    cut: Sequence[str]
    examples: Examples
    table: Sequence[tuple[str, str, Sequence[Value | None]]]
    program: str


@page(router, ADDRESS, TEMPLATE)
async def contract_page(visit: Visit) -> ContractPage:
    resource_id, contract = visit.part("id"), await _contract(visit)
    async with visit.reading() as session:
        listed = await versions.listed(session, visit.principal, resource_id)
    made = await unhurried(examples(contract))
    text, cut = shown(described(contract, made))
    return ContractPage(
        resource_id=resource_id,
        name=listed[-1].version.name,
        version=contract.version,
        versions=[each.version.number for each in listed],
        text=text,
        cut=cut,
        examples=made,
        table=[
            (field.name, field.label, [record[field.name] for record in made.records])
            for field in contract.fields
        ],
        program=f"/v1/resources/{resource_id}/schema?version={contract.version}",
    )


@page(router, f"{ADDRESS}/schema", TEMPLATE)
async def download(visit: Visit) -> Response:
    """Download the contract, as the API answers it."""
    contract = await _contract(visit)
    content = _indented(described(contract, await unhurried(examples(contract))))
    return files.made(content, SchemaResponse.media_type, f"契约-第{contract.version}版.json")


@page(router, f"{ADDRESS}/examples", TEMPLATE)
async def download_examples(visit: Visit) -> Response:
    """Download the records that are made up of the contract; NotFound where there are none."""
    contract = await _contract(visit)
    lines = (await unhurried(examples(contract))).lines
    if not lines:
        raise NotFound
    content = "".join(f"{line}\n" for line in lines).encode()
    return files.made(content, NDJSON, f"示例记录-第{contract.version}版.ndjson")


async def _contract(visit: Visit) -> Contract:
    """Return the contract of the version that the address names, else of the one in force."""
    asked = visit.query("version")
    if asked is not None and not (
        asked.isascii() and asked.isdigit() and 0 < int(asked[:9]) <= VERSION_MAX
    ):
        raise NotFound
    async with visit.reading() as session:
        return await versions.shown_contract(
            session,
            visit.principal,
            visit.part("id"),
            None if asked is None else int(asked[:9]),
            on=local_date(visit.now),
        )


def shown(schema: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
    """Return a schema as text, and the titles of the items whose lists of codes are cut; pure."""
    properties, cut = dict(schema["properties"]), list[str]()
    for name, item in properties.items():
        if len(item.get("enum", ())) > CODES_MAX:
            properties[name] = {**item, "enum": item["enum"][:CODES_SHOWN]}
            cut.append(item["title"])
    return _indented({**schema, "properties": properties}).decode(), cut


def _indented(schema: Mapping[str, Any]) -> bytes:
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2)
