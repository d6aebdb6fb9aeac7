"""What the evidence of the audit costs a page and a publish; `python -m loadtests.micro.evidence`.

Pages of 500 records in the order of the log, from batches of 500 and of one; the best of many
rounds in CPU microseconds.
"""

import sys
import time
from collections.abc import Callable

from exchange.log.accepted import PositionRange
from exchange.log.headers import BatchFacts
from exchange.log.reader import Chunk
from exchange.metering.evidence.trails import Delivered, PublishEvidence, ReadEvidence, Take

LOG, PAGE, ROUNDS = 50_000, 500, 30
PAGES = LOG // PAGE
DIGEST, SUBSCRIPTION = b"\x5a" * 32, "f" * 32


def log_of(batch: int) -> Chunk:
    """A chunk of batches of so many records."""
    chunk = Chunk(start=0, next_offset=LOG, end=LOG)
    headers = BatchFacts(1, batch, DIGEST, SUBSCRIPTION, SUBSCRIPTION).headers()
    chunk.headers += [(offset, headers) for offset in range(0, LOG, batch)]
    chunk.marks(0, 1, whole=True)
    return chunk


def read_all(chunk: Chunk) -> None:
    evidence = ReadEvidence(SUBSCRIPTION)
    for first in range(0, LOG, PAGE):
        takes = [Take(0, chunk, first, first + PAGE)]
        evidence.add(Delivered(SUBSCRIPTION, 1, 1, PAGE, PAGE * 380, takes))


def publish_all() -> None:
    evidence = PublishEvidence()
    for first in range(0, LOG, PAGE):
        evidence.add([PositionRange(0, first, first + PAGE - 1)], DIGEST)


def best(work: Callable[[], None]) -> float:
    """Return the CPU microseconds of one of the pages or batches in the best round."""
    least = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        least = min(least, time.process_time() - began)
    return least / PAGES * 1e6


def main() -> None:
    for batch in (PAGE, 1):
        chunk = log_of(batch)
        spent = best(lambda chunk=chunk: read_all(chunk))  # type: ignore[misc]
        title = f"page of {PAGE}, batches of {batch}"
        sys.stdout.write(f"{title:28} {spent:6.2f} us {spent / PAGE:7.4f} us/record\n")
    sys.stdout.write(f"{'publish':28} {best(publish_all):6.2f} us\n")


if __name__ == "__main__":
    main()
