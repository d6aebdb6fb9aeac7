"""What one gateway worker holds open, and who gets it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, cast

from auth.tokens import TokenVerifier
from fastapi import Depends, Request

from kernel.changes import ChangeFeed
from kernel.database import Database, ReadSession, WriteSession
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from kernel.tasks import Loops


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: Database
    box: Secretbox
    changes: ChangeFeed
    loops: Loops
    tokens: TokenVerifier


def services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


Using = Annotated[Services, Depends(services)]


async def _write(using: Using) -> AsyncIterator[WriteSession]:
    async with using.database.transaction() as session:
        yield session


async def _read(using: Using) -> AsyncIterator[ReadSession]:
    async with using.database.reading() as session:
        yield session


# scope="function": FastAPI's default would commit after the answer was sent (ADR 0002).
Writing = Annotated[WriteSession, Depends(_write, scope="function")]
Reading = Annotated[ReadSession, Depends(_read, scope="function")]
