"""What pages offer of themselves: names of items, decisions that can be taken, where things are."""

from types import SimpleNamespace

import pytest

from catalog.states import Decision
from gateway.console.item_choices import name_of
from gateway.console.refusals import thing_of
from gateway.console.render import environment
from gateway.console.sources import fits


@pytest.mark.parametrize(
    ("code", "names", "name"),
    [
        ("GX-TJQH-DM", [], "gx_tjqh_dm"),
        ("GX-TJQH-DM", ["gx_tjqh_dm"], "item2"),
        # Codes of an authority below the region begin with its digits.
        ("450100-DE01", ["a", "b"], "item3"),
        ("数据元", [], "item1"),
    ],
)
def test_an_item_is_named_by_its_element_where_a_name_may_be_written_so(
    code: str, names: list[str], name: str
) -> None:
    """Items were called item1, item2: nobody could tell columns of a download apart."""
    assert name_of(code, names) == name


@pytest.mark.parametrize("has_source", [True, False])
def test_a_second_source_is_never_offered_and_nothing_is_replaced_where_there_is_none(
    *, has_source: bool
) -> None:
    """Beside an active source 确认为数源 was offered, which is always refused then (P1)."""
    assert fits(Decision.DESIGNATE, has_source=has_source) is not has_source
    assert fits(Decision.REPLACE, has_source=has_source) is has_source
    assert fits(Decision.REJECT, has_source=has_source)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1/subscriptions/01a/records", ("subscription", "/console/subscriptions/01a")),
        ("/v1/resources/01b/records", ("resource", "/console/catalogue/01b")),
        ("/v1/clients/client-x", ("client", "/console/clients/client-x")),
        ("/v1/subscriptions", ("", "")),
        ("/console/people", ("", "")),
    ],
)
def test_a_refusal_leads_to_what_it_was_about(path: str, found: tuple[str, str]) -> None:
    assert thing_of(path) == found


@pytest.mark.parametrize(
    ("timely", "last", "told"),
    [
        (None, None, ""),
        (False, None, "尚未上报"),
        (False, "2026-01-05", "更新逾期"),
        (True, "x", ""),
    ],
)
def test_an_entry_without_any_data_yet_is_not_called_overdue(
    *, timely: bool | None, last: str | None, told: str
) -> None:
    """A monthly entry was 更新逾期 in the minute in which it was published."""
    page = '{% from "parts.html" import timeliness %}{{ timeliness(entry) }}'
    entry = SimpleNamespace(timely=timely, last_published_at=last)
    said = environment(english=False).from_string(page).render(entry=entry)
    assert told in said
    assert bool(told) is bool(said.strip())
