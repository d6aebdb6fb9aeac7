"""What the log took of one publish, and what its quarantine did; pure."""

import msgspec


class PositionRange(msgspec.Struct, frozen=True, gc=False):
    """A contiguous run of records in one partition; offsets are inclusive."""

    partition: int
    first_offset: int
    last_offset: int


class Kept(msgspec.Struct, frozen=True, gc=False):
    """What a publish left in quarantine, as its receipt and the log tell it."""

    batch_id: str
    rejected: int
    error_count: int

    def text(self) -> str:
        return f"{self.batch_id} {self.rejected} {self.error_count}"


def kept(text: str | None) -> Kept | None:
    """Read a `Kept` from its text, None from none."""
    if text is None:
        return None
    batch_id, rejected, error_count = text.split()
    return Kept(batch_id, int(rejected), int(error_count))


class Accepted(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the log took: by which version of the contract, and where; and what it did not."""

    version: int
    positions: list[PositionRange]
    kept: Kept | None = None

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


def accepted(text: str) -> Accepted:
    return msgspec.json.decode(text, type=Accepted)
