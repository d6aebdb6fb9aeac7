"""The file of `shuyuan publish`: what it is, looked through before anything of it is sent."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shuyuan_client import batching, record_files
from shuyuan_client.batching import Survey
from shuyuan_client.cells import Conversions
from shuyuan_client.cli.progress import Meter
from shuyuan_client.cli.refusing import Refusals
from shuyuan_client.failures import Failure, unusable_file
from shuyuan_client.http import ExchangeClient, Refused
from shuyuan_client.record_files import TABLES, Format, OnFault, Record, Schema

FORBIDDEN = 403
ZONE = re.compile(r"Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Source:
    """A file and how to read it; `is_lenient` leaves out what the file itself has wrong."""

    file: Path
    kind: Format
    encoding: str
    zone: str
    schema: Schema
    is_lenient: bool = False

    def survey(self, meter: Meter) -> Survey | None:
        """Look through the whole file, and tell what will be converted; None of a pipe.

        Raises Failure where the file has something wrong, unless it is lenient.
        """
        if not self.file.is_file():
            return None
        told = Conversions(self.zone)
        records = self._read(told, _pass_over if self.is_lenient else None)
        found = batching.survey(records, self.schema.get("x-key", ()))
        if not self.is_lenient:
            found.require_single()
        for sentence in told.sentences():
            meter.say(sentence, sentence)
        return found

    def records(self, survey: Survey | None, refusals: Refusals) -> Iterator[Record]:
        """Yield what can be sent; what cannot is refused, or ends everything."""
        told = Conversions(self.zone)
        if not self.is_lenient:
            return self._read(told, None)
        records = self._read(told, refusals.row)
        return records if survey is None else survey.singles(records, refusals.row)

    def again(self, is_wanted: Callable[[Record], bool]) -> Iterator[Record]:
        """Yield those that are wanted of what was sent before."""
        return filter(is_wanted, self._read(Conversions(self.zone), _pass_over))

    def _read(self, told: Conversions, on_fault: OnFault | None) -> Iterator[Record]:
        return record_files.read(
            self.file,
            self.kind,
            encoding=self.encoding,
            schema=self.schema,
            told=told,
            on_fault=on_fault,
        )


def _pass_over(_record: Record, _failure: Failure) -> None:
    """It is refused when it is its turn to be sent."""


def size_of(file: Path) -> int:
    """Return the bytes of a file; raises Failure where there is none."""
    try:
        return file.stat().st_size
    except OSError as error:
        raise unusable_file(str(file), error) from error


def require_zone(zone: str) -> None:
    if ZONE.fullmatch(zone) is None:
        raise Failure(f"时区应如 +08:00 或 Z：{zone}", f"A zone is written as +08:00 or Z: {zone}")


def schema_of(client: ExchangeClient, resource: str, kind: Format) -> Schema:
    """Return the contract, which alone says which column of a table is a number; else nothing."""
    try:
        return client.ask("GET", f"/v1/resources/{resource}/schema")
    except Refused as refusal:
        if kind not in TABLES:
            return {}
        if refusal.status == FORBIDDEN:
            raise Failure(
                "表格须先读取数据契约，而应用系统没有 catalog:read；请增加该权限或改用 NDJSON。",
                "Tables need the contract, and the client lacks catalog:read; add it or use "
                "NDJSON.",
            ) from refusal
        raise
