"""What a new version does to a grant: nothing, narrows it, or breaks it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from catalog.contracts.model import Contract, DataType, Field
from catalog.contracts.published import RecordItem, RecordVersion, Revision, Stated
from exchange.delivery.projection.views import Terms
from exchange.stewardship.version_effects import Effect, Effects, worst
from exchange.subscriptions.conditions import Condition, Op

FIELDS = {
    "id": Field(name="id", label="编号", data_type=DataType.STRING, required=True, key=True),
    "name": Field(
        name="name",
        label="姓名",
        data_type=DataType.STRING,
        required=True,
        key=False,
        max_length=50,
    ),
    "kind": Field(
        name="kind",
        label="类别",
        data_type=DataType.CODE,
        required=False,
        key=False,
        values=("1", "2"),
    ),
}
PARTIAL = {"kind": "partial", "keep_start": 1, "keep_end": 1}
FULL = {"kind": "full"}


def stated(
    number: int,
    fields: Mapping[str, Field] = FIELDS,
    masks: Mapping[str, Mapping[str, Any]] | None = None,
    elements: Mapping[str, str] | None = None,
    share_type: str = "unconditional",
) -> Stated:
    bound = elements or {}
    items = tuple(
        RecordItem(
            name, field.data_type, field.key, bound.get(name, f"DE-{name}"), (masks or {}).get(name)
        )
        for name, field in fields.items()
    )
    contract = Contract(resource_id="r", version=number, title="t", fields=tuple(fields.values()))
    return Stated(number, contract, RecordVersion(number, items), share_type)


def effects_of(after: Stated, before: Stated | None = None) -> Effects:
    first = before or stated(1)
    return Effects(Revision("r", 1, first, after, {1: first.record}))


def terms(*items: str, before: Stated | None = None, **changes: Any) -> Terms:  # noqa: ANN401
    known = (before or stated(1)).record
    usual = Terms(
        items=items or ("id", "name", "kind"),
        elements={name: f"DE-{name}" for name in FIELDS},
        masks={},
        unmasked=frozenset(),
        conditions=(),
        agreed=1,
        versions={1: known},
        in_force=1,
        hash_key=b"",
    )
    return replace(usual, **changes)


def without(name: str) -> dict[str, Field]:
    return {each: field for each, field in FIELDS.items() if each != name}


def changed(name: str, **changes: Any) -> dict[str, Field]:  # noqa: ANN401
    return FIELDS | {name: replace(FIELDS[name], **changes)}


def test_an_item_more_or_a_wider_bound_touches_nobody() -> None:
    more = Field(name="note", label="备注", data_type=DataType.STRING, required=False, key=False)
    after = stated(2, {**changed("name", max_length=80), "note": more})
    assert effects_of(after).on(terms()).effect is Effect.NONE


def test_an_item_that_is_gone_breaks_who_was_granted_it_and_nobody_else() -> None:
    effects = effects_of(stated(2, without("name")))
    broken = effects.on(terms(elements={"id": "DE-id", "name": "DE-name"}))
    assert (broken.effect, broken.items_lost) == (Effect.BROKEN, ("name",))
    others = terms("id", "kind", elements={"id": "DE-id", "kind": "DE-kind"})
    assert effects.on(others).effect is Effect.NONE


def test_an_item_that_only_the_filter_names_breaks_too_no_row_would_pass() -> None:
    effects = effects_of(stated(2, without("kind")))
    filtered = terms("id", elements={"id": "DE-id", "kind": "DE-kind"})
    filtered = replace(filtered, conditions=(Condition("kind", Op.EQ, "1"),))
    assert effects.on(filtered).items_lost == ("kind",)


def test_another_element_or_another_type_under_the_same_name_is_an_item_lost() -> None:
    other = stated(2, elements={"name": "DE-other"})
    assert effects_of(other).on(terms()).items_lost == ("name",)
    number = stated(2, changed("name", data_type=DataType.INTEGER, max_length=None))
    assert effects_of(number).on(terms()).items_lost == ("name",)


def test_an_item_renamed_for_certain_is_not_lost() -> None:
    fields = {**without("name"), "full_name": replace(FIELDS["name"], name="full_name")}
    after = stated(2, fields, elements={"full_name": "DE-name"})
    assert effects_of(after).on(terms()).effect is Effect.NONE
    narrower = {**fields, "full_name": replace(fields["full_name"], max_length=10)}
    after = stated(2, narrower, elements={"full_name": "DE-name"})
    assert effects_of(after).on(terms()).items_narrowed == ("name",)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("name", {"max_length": 20}),
        ("name", {"pattern": "^a"}),
        ("kind", {"values": ("1",)}),
    ],
)
def test_a_stricter_bound_pattern_or_code_list_narrows(name: str, change: dict[str, Any]) -> None:
    effects = effects_of(stated(2, changed(name, **change)))
    narrowed = effects.on(terms())
    assert (narrowed.effect, narrowed.items_narrowed) == (Effect.NARROWED, (name,))
    assert effects.on(terms("id")).effect is Effect.NONE


def test_a_stricter_mask_narrows_unless_it_was_lifted_or_held_already() -> None:
    before = stated(1, masks={"name": PARTIAL})
    effects = effects_of(stated(2, masks={"name": FULL}), before)
    assert effects.on(terms(before=before)).items_narrowed == ("name",)
    lifted = terms(before=before, unmasked=frozenset({"name"}))
    assert effects.on(lifted).effect is Effect.NONE
    held = terms(before=before, masks={"name": FULL})
    assert effects.on(held).effect is Effect.NONE
    assert effects_of(stated(2), before).on(terms(before=before)).effect is Effect.NONE


def test_an_entry_that_is_not_shared_any_more_breaks_everybody_once() -> None:
    unshared = stated(2, share_type="none")
    broken = effects_of(unshared).on(terms())
    assert (broken.effect, broken.items_lost) == (Effect.BROKEN, ("id", "name", "kind"))
    again = effects_of(replace(unshared, number=3), before=replace(unshared, number=1))
    assert again.on(terms()).effect is Effect.NONE


def test_without_a_version_in_force_or_without_a_newer_one_nobody_is_touched() -> None:
    first = Effects(Revision("r", 1, None, stated(1), {}))
    assert first.on(terms()).effect is Effect.NONE
    same = stated(1, without("name"))
    assert Effects(Revision("r", 1, same, same, {})).on(terms()).effect is Effect.NONE


def test_the_verdict_is_the_worst_effect() -> None:
    assert worst([]) is Effect.NONE
    assert worst([Effect.NARROWED, Effect.BROKEN, Effect.NONE]) is Effect.BROKEN
