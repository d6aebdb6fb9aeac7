"""Wire types that standards, code lists and elements have in common."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from auth.regions import checking
from kernel.wire import Day, Wire

# The code of a standard or a list may hold a slash (GB/T 2261.1-2003): its routes take a path.
CODE_PATTERN = r"^\w[\w ./:+()（）〔〕—–-]*$"
ELEMENT_PATTERN = r"^\w[\w .:+()（）—–-]*$"
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=CODE_PATTERN)]
ElementCode = Annotated[str, Field(min_length=1, max_length=64, pattern=ELEMENT_PATTERN)]
CodeInPath = Annotated[str, Path(min_length=1, max_length=64)]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Prose = Annotated[str, Field(min_length=1, max_length=4000)]
Region = Annotated[str, Field(pattern=r"^[1-9][0-9]([0-9]{4}|[0-9]{7}|[0-9]{10})$")]


def _in_force(region_code: str) -> str:
    fault = checking.fault(region_code)
    if fault is not None:
        told = {"zh": fault.zh, "en": fault.en, "values": list(fault.allowed)}
        raise PydanticCustomError("division_not_in_force", "{en}", told)
    return region_code


RegionInForce = Annotated[Region, AfterValidator(_in_force)]
"""A division as a query names it: an ended one is refused with its successors."""
Words = Annotated[str | None, Query(max_length=100, description="都须出现的词 / words, all found")]


class Contractor(Wire):
    """外包运维单位 / who runs a client by contract, approved by the department's head (Art 36)."""

    name: Line
    uscc: Annotated[str, Field(min_length=1, max_length=64)]
    contract_until: Day
