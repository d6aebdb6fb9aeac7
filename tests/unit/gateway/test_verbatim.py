"""Keys and values of records come in and go out as they are, blanks around them too."""

from collections.abc import Iterator

from pydantic import ConfigDict, TypeAdapter

from gateway.api.correction_shapes import CorrectionIn
from gateway.api.sharing import ConditionWire
from gateway.app import create
from gateway.hot.lookups import QueryBody, VerifyBody
from kernel.settings import Settings
from kernel.wire import Wire

SAID = " a "
ALIKE = ConfigDict(str_strip_whitespace=True)


def test_a_question_is_about_the_very_key_and_value_that_it_names() -> None:
    """A filter `id eq "a "` once showed the record `a`; a verify of one person told of another."""
    asked = VerifyBody.model_validate(
        {"key": SAID, "expect": {"name": SAID}, "matter": "核验", "reference": "1"}
    )
    assert (asked.key, asked.expect["name"]) == (SAID, SAID)
    where = [{"item": "id", "op": "eq", "value": SAID}, {"item": "id", "op": "in", "value": [SAID]}]
    found = QueryBody.model_validate({"where": where}).where
    assert [each.condition().values for each in found] == [(SAID,), (SAID,)]
    assert ConditionWire.model_validate(where[0]).value == SAID
    said = {"problem": "wrong", "description": "有误", "items": [{"item": "id", "expected": SAID}]}
    wrong = CorrectionIn.model_validate({"key": SAID, "attachments": [], **said}).request()
    assert (wrong.key, wrong.items[0].expected) == (SAID, SAID)


def shapes(base: type[Wire] = Wire) -> Iterator[type[Wire]]:
    for each in base.__subclasses__():
        yield each
        yield from shapes(each)


def test_no_body_has_a_key_that_loses_its_blanks() -> None:
    create(Settings())
    texts = 0
    for shape in set(shapes()):
        field = shape.model_fields.get("key")
        if field is None or field.annotation is bool:
            continue
        texts += 1
        whole = TypeAdapter(field.rebuild_annotation(), config=ALIKE)
        assert whole.validate_python(SAID) == SAID, shape
    assert texts
