"""The limits in force on this platform, with what happens to whoever passes them; pure.

Values are read of the settings and of the code's own constants, never written down again. Each
setting is a limit or named as none: `tests/unit/gateway/test_limits_in_force.py`.
"""

from typing import Any

from gateway.limits.by_setting import SETTINGS, Setting
from gateway.limits.fixed import FIXED
from gateway.limits.model import Group, Limit
from kernel.settings import Settings


def in_force(settings: Settings) -> list[Limit]:
    """Return all limits, by group, those of settings first."""
    found = [_of(name, each, settings) for name, each in SETTINGS.items()]
    found += [Limit(each.group, each.name, each.unit, each.value, each.beyond) for each in FIXED]
    groups = list(Group)
    return sorted(found, key=lambda each: groups.index(each.group))


def _of(name: str, each: Setting, settings: Settings) -> Limit:
    value: Any = getattr(settings, name)
    return Limit(
        group=each.group,
        name=each.name,
        unit=each.unit,
        value=value,
        beyond=each.beyond,
        setting=f"SHUYUAN_{name.upper()}",
        usual=value == Settings.model_fields[name].default,
        of_clients=each.of_clients,
    )
