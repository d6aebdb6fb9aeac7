"""What an answer says of its place in the delivery ledger (docs/api.md section 5)."""

from exchange.metering.ledger.digests import NewPage

_LINES = b"exchange-page: %b\r\nexchange-digest: sha-256=%b\r\n"


def ledger_fields(page: NewPage) -> bytes:
    return _LINES % (page.page.encode(), page.facts.digest.hex().encode())
