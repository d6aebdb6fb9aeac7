"""Editions of code lists in which a consumer wants the values of items (crosswalk)."""

from collections.abc import Collection

from catalog import crosswalks
from exchange.applications.content import Content
from exchange.applications.offers import Offer
from exchange.modes import WITH_EDITIONS
from kernel.database import ReadSession
from kernel.errors import FieldErrors

LISTED_MAX = 100


async def check(session: ReadSession, asked: Content, offer: Offer) -> None:
    """Raise Invalid for each edition that cannot be asked for.

    Of an item of the key or of a filter the stored value counts: it is `fixed`.
    """
    if not asked.editions:
        return
    errors = FieldErrors()
    filtered = {condition.item for condition in asked.row_filter}
    elements = {offer.elements[item] for item in asked.editions if item in offer.elements}
    lists = await crosswalks.lists_of(session, elements)
    for item, edition in asked.editions.items():
        code_list = lists.get(offer.elements.get(item, ""))
        field = offer.fields.get(item)
        if field is None or item not in asked.items or code_list is None:
            _unknown(errors, item)
        elif field.key or item in filtered or asked.mode not in WITH_EDITIONS:
            _fixed(errors, item)
        else:
            _known(errors, item, edition, await crosswalks.editions_of(session, code_list))
    errors.raise_if_any()


def _unknown(errors: FieldErrors, item: str) -> None:
    errors.add(
        f"editions.{item}",
        "unknown_item",
        f"{item} 未申请，或不是代码项",
        f"{item} is not asked for, or has no code list",
    )


def _fixed(errors: FieldErrors, item: str) -> None:
    errors.add(
        f"editions.{item}",
        "fixed",
        f"{item} 是主键项或过滤项，或该共享方式不交付其值，不能换版次",
        f"{item} is of the key or of a filter, or the mode hands on no values: it is fixed",
    )


def _known(errors: FieldErrors, item: str, edition: str, editions: Collection[str]) -> None:
    if edition not in editions:
        errors.add(
            f"editions.{item}",
            "not_in_code_list",
            f"代码集没有版次 {edition}",
            f"the code list has no edition {edition}",
            allowed=list(editions)[:LISTED_MAX],
        )
