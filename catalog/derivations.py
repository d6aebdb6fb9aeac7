"""Which entries an entry is derived from: entries that everybody may see, and never a circle."""

from collections.abc import Collection, Iterator, Sequence

from catalog.store import derivations as store
from kernel import locks
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldError


async def errors(
    session: ReadSession, resource_id: str | None, derived_from: Sequence[str]
) -> list[FieldError]:
    """Return what is wrong with the entries that one is derived from; `resource_id` of a new: None.

    Writers take turns, so that two drafts at once make no circle either.
    """
    if not derived_from:
        return []
    published = await store.published(session, derived_from)
    found = [*_unknown(derived_from, published)]
    if resource_id is not None:
        above = await store.ancestors(session, derived_from)
        found += _circles(resource_id, derived_from, above)
    return found


async def hold(session: WriteSession, derived_from: Collection[str]) -> None:
    """Let who writes derivations take turns until the transaction ends."""
    if derived_from:
        await locks.hold(session, locks.Lock.DERIVATIONS)


def _unknown(derived_from: Sequence[str], published: Collection[str]) -> Iterator[FieldError]:
    for place, each in enumerate(derived_from):
        if each not in published:
            yield unknown(f"derived_from[{place}]")


def unknown(path: str) -> FieldError:
    """Refuse an id of no published resource."""
    return FieldError(
        path, "not_found", "没有这一已发布的资源", "there is no such published resource"
    )


def _circles(
    resource_id: str, derived_from: Sequence[str], above: Collection[tuple[str, str]]
) -> Iterator[FieldError]:
    """Yield each entry that is, or is derived from, the one that is written."""
    circular = {start for start, ancestor in above if ancestor == resource_id}
    for place, each in enumerate(derived_from):
        if each == resource_id or each in circular:
            yield FieldError(
                f"derived_from[{place}]",
                "cycle",
                "资源不能由自身派生（含间接派生）",
                "a resource cannot be derived from itself, directly or through others",
            )


async def owners(session: ReadSession, resource_id: str) -> set[str]:
    """Return the departments of the entries from which the version in force is derived."""
    return await store.owners(session, resource_id)
