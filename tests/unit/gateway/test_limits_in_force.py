"""The list of limits: no setting is forgotten, and each value is the one in force."""

import re

from gateway.limits.by_setting import NO_LIMITS, SETTINGS
from gateway.limits.fixed import FIXED
from gateway.limits.in_force import in_force
from gateway.limits.model import Group, Limit, Unit
from kernel.settings import Settings
from tests.docs.pages import text


def listed(**changes: object) -> dict[str, Limit]:
    settings = Settings.model_construct(
        **{name: field.default for name, field in Settings.model_fields.items()} | changes
    )
    return {each.setting or each.name.en: each for each in in_force(settings)}


def test_every_setting_is_a_limit_or_is_none() -> None:
    """Whoever adds a setting decides here which of the two it is."""
    assert SETTINGS.keys() | NO_LIMITS == set(Settings.model_fields)
    assert not SETTINGS.keys() & NO_LIMITS


def test_a_limit_is_told_as_it_is_set() -> None:
    usual = listed()["SHUYUAN_RATE_CLIENT_BURST"]
    assert (usual.value, usual.usual, usual.of_clients) == (400, True, True)
    other = listed(rate_client_burst=7)["SHUYUAN_RATE_CLIENT_BURST"]
    assert (other.value, other.usual) == (7, False)


def test_every_group_and_unit_is_used_and_no_name_twice() -> None:
    found = listed()
    assert len(found) == len(SETTINGS) + len(FIXED)
    assert {each.group for each in found.values()} == set(Group)
    assert {each.unit for each in found.values()} == set(Unit)


def test_refusals_have_codes_that_are_documented() -> None:
    known = set(re.findall(r"^\| `(\w+)` \|", text("errors.md"), re.MULTILINE))
    told = {
        code
        for each in listed().values()
        for code in re.findall(r"refused: \d+ (\w+)", each.beyond.en)
    }
    assert told
    assert told - known == set()
