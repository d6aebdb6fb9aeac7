"""PostgreSQL and Kafka together under one state directory: for `up`, tests, demo and load tests."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deploy.local import kafka, postgres
from deploy.local.files import locked
from deploy.local.ports import PortBook
from deploy.local.processes import ProcessStatus

EXTERNAL = "external"


@dataclass(frozen=True)
class Endpoints:
    """Where the database and the broker are."""

    database_url: str
    kafka_bootstrap: str


def _quiet(_line: str) -> None:
    pass


class Stack(AbstractContextManager["Stack"]):
    """A real database and a real broker; as a context manager, running inside it."""

    def __init__(
        self,
        state_dir: Path,
        *,
        progress: Callable[[str], None] = _quiet,
        usual_ports: Mapping[str, int] | None = None,
        external: Mapping[str, str] | None = None,
        lasting: bool = True,
    ) -> None:
        """Any free ports unless `usual_ports` prefers some; `external` names servers not ours.

        What does not need to be `lasting` is gone in minutes: less is compiled and flushed.
        """
        root, usual = state_dir.resolve(), usual_ports or {}
        ports = PortBook(root / "ports.json")
        self._root = root
        self._external = external or {}
        self.postgres = postgres.Postgres(
            root,
            ports,
            usual_port=usual.get(postgres.NAME, 0),
            progress=progress,
            lasting=lasting,
        )
        self.kafka = kafka.Kafka(
            root,
            ports,
            usual_port=usual.get(kafka.NAME, 0),
            progress=progress,
            lasting=lasting,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(
            self._external.get(postgres.NAME) or self.postgres.url,
            self._external.get(kafka.NAME) or self.kafka.bootstrap,
        )

    def start(self) -> Endpoints:
        """Start what does not run yet; what runs already is left alone."""
        with self._locked(), ThreadPoolExecutor(2) as pool:
            for started in [pool.submit(part.start) for part in self._parts().values()]:
                started.result()
        return self.endpoints

    def stop(self) -> None:
        """Stop both, the broker first; the data stays."""
        with self._locked():
            self.kafka.stop()
            self.postgres.stop()

    def status(self) -> list[ProcessStatus]:
        return list(self._statuses())

    def kill(self, name: str, number: int) -> None:
        """Send a signal to "postgres" or "kafka": fault tests."""
        self._parts()[name].service.kill(number)

    def restart(self, name: str) -> None:
        """Start one part again, on the same port, after stopping what is left of it."""
        with self._locked():
            part = self._parts()[name]
            part.stop()
            part.start()

    def _parts(self) -> dict[str, postgres.Postgres | kafka.Kafka]:
        parts: dict[str, postgres.Postgres | kafka.Kafka]
        parts = {postgres.NAME: self.postgres, kafka.NAME: self.kafka}
        return {name: part for name, part in parts.items() if not self._external.get(name)}

    def _statuses(self) -> Iterator[ProcessStatus]:
        parts = self._parts()
        for name in (postgres.NAME, kafka.NAME):
            yield parts[name].status() if name in parts else ProcessStatus(name, EXTERNAL)

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self._root / "stack.lock")
