"""Terms that a subscription had before it was renewed or amended, by revision."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from sqlmodel import col, select

from exchange.subscriptions import conditions
from exchange.subscriptions.grants import Grant
from exchange.subscriptions.tables import EarlierTerms, Subscription
from kernel.database import ReadSession, WriteSession

TERMS: Final = frozenset(
    {"resource_version", "items", "elements", "masks", "unmasked", "row_filter"}
)


def keep(session: WriteSession, subscription: Subscription) -> None:
    """Keep the terms that hold up to the present revision: another is about to begin."""
    terms = subscription.model_dump(include=set(TERMS))
    until = subscription.revision
    session.add(EarlierTerms(subscription_id=subscription.id, until_revision=until, **terms))


async def of(
    session: ReadSession, subscription_ids: Collection[str]
) -> dict[str, Sequence[EarlierTerms]]:
    """Return the earlier terms of subscriptions that had any, the oldest first."""
    query = select(EarlierTerms).where(col(EarlierTerms.subscription_id).in_(subscription_ids))
    found: dict[str, list[EarlierTerms]] = {}
    for row in (await session.exec(query.order_by(col(EarlierTerms.until_revision)))).all():
        found.setdefault(row.subscription_id, []).append(row)
    return dict(found)


def grant_at(grant: Grant, terms: Sequence[EarlierTerms], revision: int) -> Grant:
    """Return the grant as it was under a revision; `terms` are its earlier ones, in order."""
    row = next((each for each in terms if revision <= each.until_revision), None)
    if row is None:
        return grant
    return replace(
        grant,
        resource_version=row.resource_version,
        items=tuple(row.items),
        elements=row.elements,
        masks=row.masks,
        unmasked=frozenset(row.unmasked),
        row_filter=conditions.from_json(row.row_filter),
    )
