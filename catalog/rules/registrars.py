"""Which codes an authority may give out, and what it may change later; pure."""

from collections.abc import Iterator

from auth.regions.codes import REGION, STATE, canonical
from kernel.errors import FieldError

# Divisions whose codes stand for everybody: the state's and the region's.
WITHOUT_PREFIX = frozenset({STATE, REGION})


def code_errors(code: str, registrar: str) -> Iterator[FieldError]:
    """Yield a code below the region that does not begin with its authority's division."""
    region = canonical(registrar)
    if region in WITHOUT_PREFIX or code.startswith(f"{region}-"):
        return
    yield FieldError(
        "code",
        "pattern",
        f"自治区以下登记的代码须以本级行政区划代码开头，如 {region}-…",
        f"codes registered below the region begin with their division: {region}-…",
    )


def registrar_of(region_code: str | None) -> str:
    """Return whose a registered thing is: what is older than registrars is the region's."""
    return region_code or REGION
