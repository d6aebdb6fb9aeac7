"""SQL of departments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, false, func, literal_column
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, or_, select

from auth import duties
from auth.duties import DUTIES, Operation
from auth.principal import Principal
from auth.regions.tree import spellings
from auth.store import rows
from auth.tables import Department
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest

FORMER_NAMES: ColumnElement[Any] = literal_column("'$[*].name'")


@dataclass(frozen=True, slots=True)
class Known:
    """Departments in which a caller may do something: `auth.duties.may` in SQL."""

    own: str | None
    divisions: tuple[str, ...]

    @classmethod
    def of(cls, principal: Principal, operation: Operation) -> "Known":
        duty = DUTIES[operation]
        own = duty.members or not principal.roles.isdisjoint(duty.own)
        wide = not principal.roles.isdisjoint(duty.division)
        return cls(
            principal.department if own else None,
            duties.divisions(principal.region_code) if wide else (),
        )

    def holds(self, department: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a column
        """Return the condition that a column of codes names one of the departments."""
        below = [col(Department.region_code).startswith(code) for code in self.divisions]
        within = select(Department.uscc).where(or_(false(), *below))
        own = false() if self.own is None else department == self.own
        return or_(own, department.in_(within))


async def add(session: WriteSession, department: Department) -> bool:
    """Insert the row; False when the code is registered already."""
    query = insert(Department).values(**department.model_dump()).on_conflict_do_nothing()
    added = await session.execute(query.returning(col(Department.uscc)))
    return added.first() is not None


async def get(session: ReadSession, uscc: str) -> Department | None:
    return await session.get(Department, uscc)


async def codes_within(session: ReadSession, divisions: Sequence[str]) -> Sequence[str]:
    """Return the codes of the departments whose division begins with one of these."""
    below = [col(Department.region_code).startswith(code) for code in divisions]
    return (await session.exec(select(Department.uscc).where(or_(false(), *below)))).all()


async def change(
    session: WriteSession, uscc: str, revision: int | None, values: dict[str, Any]
) -> Department:
    return await rows.change(session, Department, uscc, revision, values)


async def lock(session: WriteSession, uscc: str) -> Department | None:
    """Return the department as it is now, and let nobody change it meanwhile.

    Rows that name it may be written: they only need that it goes on to exist.
    """
    return await session.get(Department, uscc, with_for_update={"key_share": True})


async def find(
    session: ReadSession,
    page: PageRequest,
    *,
    text: str | None,
    region_code: str | None,
    authority: bool | None,
) -> Page[Department]:
    query = page.apply(select(Department), Department.uscc)
    if text:
        like = col(Department.name).icontains(text, autoescape=True)
        names = func.jsonb_path_query_array(col(Department.former_names), FORMER_NAMES)
        former = cast(names, Text).icontains(text, autoescape=True)
        query = query.where(or_(like, former, col(Department.uscc) == text))
    if region_code:
        query = query.where(col(Department.region_code).in_(spellings(region_code)))
    if authority is not None:
        query = query.where(col(Department.authority) == authority)
    return page.page((await session.exec(query)).all(), "uscc")
