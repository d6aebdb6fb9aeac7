"""Where the settings keep files, and who looks at those that come from outside."""

from kernel.blobs import Blobs
from kernel.scanning import Clamd
from kernel.settings import Settings


def blobs_of(settings: Settings) -> Blobs:
    scan = Clamd(settings.scan_address) if settings.scan_address else None
    return Blobs(settings.blobs_dir, scan)
