"""Digests of a delivery ledger, and the first page of which two sides say different things."""

import hashlib
from typing import Any

import pytest
from joserfc.jwk import ECKey

from auth.statements import signed, verified
from exchange.metering.ledger.digests import (
    Difference,
    NamedPage,
    first_difference,
    of_body,
    of_day,
    of_lines,
)

OWN = [NamedPage(name, digest) for name, digest in (("a", "1"), ("b", "2"), ("c", "3"))]


def test_a_page_is_digested_as_its_lines_are_sent() -> None:
    lines = [b'{"op":"upsert","key":"1","data":{}}', b'{"op":"delete","key":"2"}']
    facts = of_lines(lines)
    sent = b"".join(line + b"\n" for line in lines)
    assert (facts.records, facts.deletes) == (2, 1)
    assert facts.digest == hashlib.sha256(sent).digest()
    assert of_body(b"{}", 3).digest == hashlib.sha256(b"{}").digest()


def test_a_day_is_digested_over_the_digests_of_its_pages() -> None:
    one, two = (hashlib.sha256(text).digest() for text in (b"1", b"2"))
    assert of_day([one, two]) == hashlib.sha256(one + two).digest()
    assert of_day([]) == hashlib.sha256().digest()


@pytest.mark.parametrize(
    ("told", "difference"),
    [
        (OWN, None),
        (OWN[:1] + OWN[2:], Difference("b", "missing")),
        ([*OWN[:2], OWN[1], OWN[2]], Difference("b", "unknown")),
        ([OWN[0], NamedPage("b", "9"), OWN[2]], Difference("b", "changed")),
        ([*OWN, NamedPage("d", "4")], Difference("d", "unknown")),
        ([OWN[1], OWN[0], OWN[2]], Difference("a", "changed")),
        ([], Difference("a", "missing")),
    ],
    ids=["equal", "loss", "doubling", "change", "extra", "order", "nothing"],
)
def test_the_first_page_that_differs_is_named(
    told: list[NamedPage], difference: Difference | None
) -> None:
    assert first_difference(OWN, told) == difference


def test_a_statement_is_believed_by_the_key_that_signed_it_alone() -> None:
    key, other = (ECKey.generate_key("P-256", {"kid": name}) for name in ("k", "o"))

    def keys(*which: ECKey) -> dict[str, Any]:
        return {"keys": [each.as_dict(private=False) for each in which]}

    statement = signed(key, "ledger+jws", {"day": "2026-05-01"})
    assert verified(statement, keys(other, key)) == {"day": "2026-05-01"}
    assert verified(statement, keys(other)) is None
    assert verified(statement[:-4] + "AAAA", keys(key)) is None
    for broken in ("", "a.b.c", "é", statement + "."):
        assert verified(broken, keys(key)) is None
