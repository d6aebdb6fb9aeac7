"""Whether a request may name a division: what has ended is refused with its successor; pure."""

from auth.regions.codes import COUNTY_DIGITS
from auth.regions.register import Division, counties_and_above, find
from auth.regions.tree import current
from kernel.errors import FieldError, FieldErrors

CODE = "not_in_code_list"


def fault(region_code: str, path: str = "region_code") -> FieldError | None:
    """Return why no new thing may be in this division; None for one in force."""
    division = find(region_code)
    if division is not None and division.in_force:
        return None
    ended = division or counties_and_above().get(region_code[:COUNTY_DIGITS])
    if ended is None or ended.in_force:
        return FieldError(
            path, CODE, "不是广西的现行行政区划代码", "is no division of Guangxi in force"
        )
    return _ended(path, ended, _successors(region_code, ended))


def check(region_code: str, errors: FieldErrors, path: str = "region_code") -> None:
    """Add an error unless the division is in force."""
    found = fault(region_code, path)
    if found is not None:
        errors.found.append(found)


def _successors(region_code: str, ended: Division) -> tuple[Division, ...]:
    """Return the divisions in force to name instead, the township's own before its county."""
    own = find(current(region_code))
    codes = [own.code] if own else [current(each) for each in ended.successors or (ended.code,)]
    if len(ended.successors) > 1:
        codes = [current(each) for each in ended.successors]
    candidates = (find(code) for code in dict.fromkeys(codes))
    return tuple(each for each in candidates if each is not None)


def _ended(path: str, ended: Division, successors: tuple[Division, ...]) -> FieldError:
    named = "、".join(f"{each.code} {each.name}" for each in successors)
    listed = ", ".join(f"{each.code} {each.name}" for each in successors)
    return FieldError(
        path,
        CODE,
        f"{ended.code} {ended.name}已于 {ended.valid_to} 年停用，请使用 {named}",
        f"{ended.code} {ended.name} ended in {ended.valid_to}: use {listed}",
        allowed=tuple(each.code for each in successors),
    )
