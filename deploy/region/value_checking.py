"""Values in the files of the region that could not be, or of which no record can be made; pure."""

from collections.abc import Iterator
from datetime import date

from deploy.demo.divisions import divisions
from deploy.region.files import ElementRow, Files, ProfileItemRow
from deploy.region.reading import Problem

STANDARDS, CODE_LISTS, ELEMENTS = "standards.csv", "code_lists.csv", "elements.csv"
ITEMS, RULES, RESOURCES = "profile_items.csv", "rules.csv", "resources.csv"
WORDS, CITIES = "words.csv", "cities.csv"
# What names and addresses are put together from (records/cast.py).
KINDS_OF_WORDS = ("surname", "given", "trade", "brand", "road")
MAX_CATEGORY, CITY = 50, "city"


def problems_of(files: Files) -> Iterator[Problem]:
    """Yield each day, bound, age, category, word and city that cannot be used."""
    for standard in files.standards:
        yield from _of_day(STANDARDS, standard.line, standard.effective_from)
    for code_list in files.code_lists:
        if code_list.effective_from is not None:
            yield from _of_day(CODE_LISTS, code_list.line, code_list.effective_from)
    for element in files.elements:
        yield from _of_bounds(ELEMENTS, element)
    for item in files.profile_items:
        yield from _of_bounds(ITEMS, item)
    for rule in files.rules:
        yield from _of_categories(RULES, rule.line, rule.categories)
        if rule.ages is not None:
            yield from _of_ages(rule.line, rule.ages)
    for resource in files.resources:
        yield from _of_categories(RESOURCES, resource.line, resource.categories)
    yield from _of_words(files)
    yield from _of_cities(files)


def _of_day(file: str, line: int, said: str) -> Iterator[Problem]:
    try:
        date.fromisoformat(said)
    except ValueError:
        yield Problem(file, line, f"{said} 不是日期", f"{said} is no day")


def _of_bounds(file: str, row: ElementRow | ProfileItemRow) -> Iterator[Problem]:
    """Lengths and digits are counted from 1, decimals from 0, and no bound lies above its other."""
    counted = {"max_length": row.max_length, "precision": row.precision}
    pairs = [(row.scale, row.precision, "scale", "precision")]
    if isinstance(row, ElementRow):
        counted["min_length"] = row.min_length
        pairs.append((row.min_length, row.max_length, "min_length", "max_length"))
        if row.minimum is not None and row.maximum is not None and row.minimum > row.maximum:
            yield _above(file, row.line, "minimum", "maximum")
    for name, number in counted.items():
        if number is not None and number < 1:
            yield Problem(file, row.line, f"{name} 应至少为 1", f"{name} is at least 1")
    if row.scale is not None and row.scale < 0:
        yield Problem(file, row.line, "scale 应至少为 0", "scale is at least 0")
    for low, high, lower, upper in pairs:
        if low is not None and high is not None and low > high:
            yield _above(file, row.line, lower, upper)


def _above(file: str, line: int, lower: str, upper: str) -> Problem:
    return Problem(file, line, f"{lower} 不应大于 {upper}", f"{lower} is above {upper}")


def _of_categories(file: str, line: int, categories: tuple[str, ...]) -> Iterator[Problem]:
    for each in categories:
        if not 1 <= len(each) <= MAX_CATEGORY:
            yield Problem(
                file,
                line,
                f"类别“{each[:MAX_CATEGORY]}”应为 1–{MAX_CATEGORY} 个字",
                f"the category {each[:MAX_CATEGORY]!r} has 1 to {MAX_CATEGORY} characters",
            )


def _of_ages(line: int, ages: str) -> Iterator[Problem]:
    youngest, oldest = map(int, ages.split("-"))
    if youngest > oldest:
        yield Problem(
            RULES, line, f"年龄 {ages} 应先小后大", f"ages {ages}: the younger one comes first"
        )


def _of_words(files: Files) -> Iterator[Problem]:
    known = {row.kind for row in files.words}
    end = max((row.line for row in files.words), default=1)
    for kind in KINDS_OF_WORDS:
        if kind not in known:
            yield Problem(WORDS, end, f"缺少 {kind} 一行", f"the line of {kind} is missing")


def _of_cities(files: Files) -> Iterator[Problem]:
    known = {row.code for row in files.cities}
    end = max((row.line for row in files.cities), default=1)
    for row in divisions():
        code = row["code"][:6]
        if row["level"] == CITY and code not in known:
            yield Problem(CITIES, end, f"缺少 {code} 一行", f"the line of {code} is missing")
