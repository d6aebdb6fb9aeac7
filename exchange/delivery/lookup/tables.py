"""Budgets of verifying: what a subscription asked about on a day, and how often it guessed."""

from datetime import date
from typing import Any, ClassVar

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

SCHEMA = "exchange"


class VerifyWindow(SQLModel, table=True):
    """Of one subscription: subjects and alarms of `day`, and its last tries, "1" a mismatch."""

    __tablename__: ClassVar[Any] = "verify_window"
    __table_args__ = {"schema": SCHEMA}

    subscription_id: str = Field(foreign_key="exchange.subscription.id", primary_key=True)
    day: date
    subjects: int
    outcomes: str
    alarms: int


class VerifySubject(SQLModel, table=True):
    """How often a subject, which is a keyed hash of its key, was tried on a day."""

    __tablename__: ClassVar[Any] = "verify_subject"
    __table_args__ = (Index("verify_subject_day", "day"), {"schema": SCHEMA})

    subscription_id: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    subject: bytes = Field(sa_type=LargeBinary, primary_key=True)
    tries: int
