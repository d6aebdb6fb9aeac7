"""The job of an import: each thing of a workbook through the use case that the API calls.

What is right is done and what is wrong is told in the workbook that comes back. A worker that dies
is followed by one that goes on behind the last lines that were committed.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from auth.authors import principal_of
from auth.principal import Principal
from gateway import validation
from gateway.workbooks import results
from gateway.workbooks.catalogue import Catalogue
from gateway.workbooks.code_lists import CodeLists
from gateway.workbooks.elements import Elements
from gateway.workbooks.layouts import DETAIL, Layout, Parsed, Unit, Verdict, parse
from kernel import clock
from kernel.database import ReadSession, WriteSession, savepoint
from kernel.errors import Invalid, ShuyuanError, Text, Unavailable
from kernel.jobs import Note, Run

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv"
BATCH: Final = 50
RESULT_MAX: Final = 256 * 1024 * 1024
NOT_DONE: Final = "未导入"
TRIED: Final = "可以导入"
# Of what carries the same data so much is told beside a line.
ALIKE_MAX: Final = 3


Body = TypeVar("Body")


class Subject(Protocol[Body]):
    """What a kind of workbook is about."""

    layout: Layout

    async def prepare(
        self, session: WriteSession, principal: Principal, units: Sequence[Unit]
    ) -> None: ...

    async def read(self, unit: Unit) -> Body:
        """Return the thing as the API takes it; raises ValidationError."""
        ...

    async def apply_all(
        self,
        session: WriteSession,
        principal: Principal,
        several: Sequence[tuple[Unit, Body]],
        now: datetime,
    ) -> Sequence[str]:
        """Return what was done with each; raises for the first that is refused."""
        ...

    async def alike(
        self, session: ReadSession, units: Sequence[Unit], threshold: float
    ) -> Mapping[int, Sequence[str]]:
        """Return by line what carries the same data already, likest first, of units that were done.

        Lines that nothing is like are left out.
        """
        ...


class RowsRefused(Invalid):
    """All or nothing: some lines are wrong, and nothing was done."""

    title = Text(
        "有错误的行，整个文件未导入；请下载结果，按“错误原因”列更正",
        "Some lines are wrong and nothing was imported: correct what the result names",
    )


async def catalogue(run: Run) -> None:
    await _import(run, Catalogue())


async def elements(run: Run) -> None:
    await _import(run, Elements())


async def code_lists(run: Run) -> None:
    await _import(run, CodeLists())


async def _import(run: Run, subject: Subject[Any]) -> None:
    """Do all of a job; raises Unreadable for a workbook that cannot be taken as a whole."""
    is_csv = run.arguments["media"] == CSV
    parsed = await asyncio.to_thread(parse, subject.layout, await run.input(), is_csv=is_csv)
    run.total = len(parsed.units)
    turn = _Import(run, subject, parsed)
    if run.arguments["all_or_nothing"]:
        await turn.whole()
    else:
        await turn.by_lines()
    stored = await results.store(run, subject.layout, parsed)
    name = f"{subject.layout.title}导入结果.xlsx"
    refused = run.arguments["all_or_nothing"] and run.errors_count
    problem = RowsRefused(error_count=run.errors_count) if refused else None
    await run.finish(stored, media=XLSX, name=name, problem=problem)


class _Import:
    """One turn at an import."""

    def __init__(self, run: Run, subject: Subject[Any], parsed: Parsed) -> None:
        self._run = run
        self._subject = subject
        self._parsed = parsed
        self._tries = bool(run.arguments["dry_run"])

    async def by_lines(self) -> None:
        """Do each line by itself, some of them in a transaction."""
        units = self._parsed.units
        while self._run.done < len(units):
            some = units[self._run.done : self._run.done + BATCH]
            if self._tries:
                async with self._run.trial() as session:
                    notes = await self._apply(session, some)
                async with self._run.transaction() as session:
                    await self._keep(session, some, notes)
            else:
                async with self._run.transaction() as session:
                    notes = await self._apply(session, some)
                    await self._keep(session, some, notes)
        await self._tell_orphans()

    async def whole(self) -> None:
        """Do all lines in one transaction, or none."""
        units = self._parsed.units
        if self._run.done:
            return
        notes: list[Note] = []
        try:
            async with self._run.transaction() as session:
                for start in range(0, len(units), BATCH):
                    notes += await self._apply(session, units[start : start + BATCH])
                if self._tries or self._parsed.orphans or _faults(notes):
                    raise RowsRefused  # noqa: TRY301 - undoes the transaction
                await self._keep(session, units, notes)
        except RowsRefused:
            self._run.done = 0
            if not self._tries:
                notes = [_undone(note) for note in notes]
            async with self._run.transaction() as session:
                await self._keep(session, units, notes)
        await self._tell_orphans()

    async def _keep(
        self, session: WriteSession, units: Sequence[Unit], notes: Sequence[Note]
    ) -> None:
        self._run.done += len(units)
        self._run.errors_count += _faults(notes)
        for start in range(0, len(notes), 1_000):
            await self._run.note(session, notes[start : start + 1_000])

    async def _apply(self, session: WriteSession, units: Sequence[Unit]) -> list[Note]:
        principal = await principal_of(
            session, self._run.author, self._run.arguments["scopes"], self._run.row.id
        )
        await self._subject.prepare(session, principal, units)
        notes = await self._tried(session, principal, units)
        done = {number for number, note in notes if note["done"] != NOT_DONE}
        alike = await self._subject.alike(
            session,
            [unit for unit in units if unit.row.number in done],
            self._run.settings.similar_score,
        )
        return [
            (number, {**note, "alike": "；".join(alike[number][:ALIKE_MAX])})
            if number in alike
            else (number, note)
            for number, note in notes
        ]

    async def _tried(
        self, session: WriteSession, principal: Principal, units: Sequence[Unit]
    ) -> list[Note]:
        verdicts = {unit.row.number: _first_verdict(unit) for unit in units}
        several = [
            (unit, body)
            for unit in units
            if (body := await self._read(unit, verdicts[unit.row.number])) is not None
        ]
        done = await self._done(session, principal, several, verdicts)
        return [note for unit in units for note in self._told(unit, verdicts, done)]

    async def _read(self, unit: Unit, verdict: Verdict) -> object | None:
        """Return the thing; None, and the verdict says why, where it is none."""
        if unit.is_faulty:
            return None
        try:
            body: object = await self._subject.read(unit)
        except (ValidationError, RequestValidationError) as error:
            for each in error.errors():
                location = each["loc"]
                path = location if location[:1] == ("body",) else ("body", *location)
                found = validation.field_error({**each, "loc": path})
                verdict.add(self._subject.layout, unit, found)
            return None
        return body

    async def _done(
        self,
        session: WriteSession,
        principal: Principal,
        several: Sequence[tuple[Unit, object]],
        verdicts: Mapping[int, Verdict],
    ) -> dict[int, str]:
        """Do several things together, or in halves where one is refused: that alone is undone."""
        if not several:
            return {}
        try:
            async with savepoint(session):
                told = await self._subject.apply_all(session, principal, several, clock.now())
        except Unavailable:
            raise
        except ShuyuanError as error:
            if len(several) == 1:
                self._refuse(several[0][0], verdicts, error)
                return {}
            middle = len(several) // 2
            first = await self._done(session, principal, several[:middle], verdicts)
            return first | await self._done(session, principal, several[middle:], verdicts)
        return {unit.row.number: each for (unit, _), each in zip(several, told, strict=True)}

    def _refuse(self, unit: Unit, verdicts: Mapping[int, Verdict], error: ShuyuanError) -> None:
        verdict = verdicts[unit.row.number]
        for field_error in error.errors:
            verdict.add(self._subject.layout, unit, field_error)
        if not error.errors:
            verdict.own.append(error.detail.zh)

    def _told(
        self, unit: Unit, verdicts: Mapping[int, Verdict], done: Mapping[int, str]
    ) -> list[Note]:
        said = done.get(unit.row.number, "")
        return _notes(unit, verdicts[unit.row.number], TRIED if said and self._tries else said)

    async def _tell_orphans(self) -> None:
        """Tell lines that name nothing in the first sheet, once."""
        if self._run.position.get("orphans") or not self._parsed.orphans:
            return
        told = f"在“{self._subject.layout.master.sheet}”中没有对应的行"
        notes: list[Note] = [
            (DETAIL + row.number, {"done": NOT_DONE, "fault": told}) for row in self._parsed.orphans
        ]
        self._run.position["orphans"] = True
        async with self._run.transaction() as session:
            self._run.errors_count += len(notes)
            for start in range(0, len(notes), 1_000):
                await self._run.note(session, notes[start : start + 1_000])


def _first_verdict(unit: Unit) -> Verdict:
    return Verdict(list(unit.faults), {n: list(f) for n, f in unit.detail_faults.items()})


def _notes(unit: Unit, verdict: Verdict, done: str) -> list[Note]:
    if done:
        return [(unit.row.number, {"done": done})]
    own = list(verdict.own)
    if verdict.details:
        listed = "、".join(str(number) for number in sorted(verdict.details)[:20])
        own.append(f"所属明细第 {listed} 行有误")
    notes: list[Note] = [(unit.row.number, {"done": NOT_DONE, "fault": "；".join(own)})]
    for number, faults in verdict.details.items():
        notes.append((DETAIL + number, {"done": NOT_DONE, "fault": "；".join(faults)}))
    return notes


def _faults(notes: Sequence[Note]) -> int:
    """Count the things that are wrong, each once."""
    return sum(1 for number, note in notes if number < DETAIL and "fault" in note)


def _undone(note: Note) -> Note:
    number, told = note
    kept: dict[str, Any] = {**told, "done": NOT_DONE}
    return number, kept
