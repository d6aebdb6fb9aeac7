"""Wire types that standards, code lists and elements have in common."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

# The code of a standard or a list may hold a slash (GB/T 2261.1-2003): its routes take a path.
CODE_PATTERN = r"^\w[\w ./:+()（）〔〕—–-]*$"
ELEMENT_PATTERN = r"^\w[\w .:+()（）—–-]*$"
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=CODE_PATTERN)]
ElementCode = Annotated[str, Field(min_length=1, max_length=64, pattern=ELEMENT_PATTERN)]
CodeInPath = Annotated[str, Path(min_length=1, max_length=64)]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Prose = Annotated[str, Field(min_length=1, max_length=4000)]
Region = Annotated[str, Field(pattern=r"^[1-9][0-9]([0-9]{4}|[0-9]{7}|[0-9]{10})$")]
Words = Annotated[str | None, Query(max_length=100, description="都须出现的词 / words, all found")]
