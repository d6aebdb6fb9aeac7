"""By which marks a version is found within a department, a division or a class; pure.

They stand beside the words of the version, so that one index answers for a word within a division.
"""

from collections.abc import Sequence

from auth.regions.codes import LEVELS, canonical
from auth.regions.tree import prefixes

DEPARTMENT, REGION, CLASS = "d", "r", "c"


def scopes(department: str, region_code: str, class_code: str) -> list[str]:
    """Return what the version lies in: the department, each division and each class above it."""
    return [*of_holder(department, region_code), *_of_class(class_code)]


def of_holder(department: str, region_code: str) -> list[str]:
    """Return the marks of whose the entry is and in which divisions."""
    code = canonical(region_code)
    above = [code[:digits] for digits in LEVELS if digits <= len(code)]
    return [DEPARTMENT + department, *(REGION + each for each in above)]


def _of_class(class_code: str) -> list[str]:
    return [CLASS + class_code[:digits] for digits in range(1, len(class_code) + 1)]


def of_department(uscc: str) -> str:
    return DEPARTMENT + uscc


def below_class(class_code: str) -> str:
    """Return the mark of the class and of all below it."""
    return CLASS + class_code


def below_region(region_code: str) -> Sequence[str]:
    """Return marks of which a version within the division has one; none where all are within."""
    return [REGION + prefix for prefix in prefixes(region_code) if prefix]
