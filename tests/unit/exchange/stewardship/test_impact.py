"""Grants of equal terms are reckoned once and told one by one."""

from hypothesis import given
from hypothesis import strategies as st

from exchange.stewardship.impact import AffectedAlike, Impact
from exchange.stewardship.version_effects import SEVERITY, Effect, Outcome, worst
from exchange.subscriptions.grants import Agreed, GrantHead

TERMS = Agreed(
    resource_version=1, items=("id",), elements={}, masks={}, unmasked=frozenset(), row_filter=()
)
KINDS = st.lists(st.tuples(st.sampled_from(Effect), st.integers(0, 9)), max_size=40)


@given(KINDS)
def test_those_of_many_kinds_are_told_as_if_each_had_been_reckoned_by_itself(
    grants: list[tuple[Effect, int]],
) -> None:
    heads = [GrantHead(f"{at:03}", "d", "c", "active") for at in range(len(grants))]
    alike = [
        AffectedAlike(TERMS, mine, Outcome(effect), samples)
        for effect, samples in dict.fromkeys(grants)
        if (mine := [h for h, kind in zip(heads, grants, strict=True) if kind == (effect, samples)])
    ]
    impact = Impact("r", 2, 1, alike)
    told = [(each.grant, each.outcome.effect, each.samples) for each in impact.subscriptions]
    assert told == [(head, *kind) for head, kind in zip(heads, grants, strict=True)]
    assert impact.count == len(grants)
    assert impact.verdict is worst(effect for effect, _samples in grants)
    assert [each.grant for each in impact.affected] == [
        head for head, kind in zip(heads, grants, strict=True) if kind[0] is not Effect.NONE
    ]
    assert [*impact.worst_first] == sorted(
        impact.subscriptions, key=lambda each: SEVERITY.index(each.outcome.effect), reverse=True
    )
