"""Acting for another department: what pages offer is what the delegation covers."""

import pytest

from auth.delegations.states import Power
from gateway.console.acting import Acting, without_uncovered

PAGE = """<form method="post" action="/console/applications/1/withdraw">a</form>
<details class="act" open><summary>b</summary><form method="post" action="/console/catalogue/1/end">
<button>retire</button></form></details><details class="act"><summary>d</summary>
<form method="post" action="/other"></form> e</details>
<form method="get" action="/console/catalogue">f</form>
<form method="post" action="/console/sign-out" class="x">g</form>"""


def acting(*powers: Power) -> Acting:
    return Acting("91", "委托部门", frozenset(powers), "本部门")


@pytest.mark.parametrize(
    ("path", "power"),
    [
        ("/console/resources/1/upload", Power.PUBLISH),
        ("/console/resources/1/resolve", Power.PUBLISH),
        ("/console/resources/1/files/remove", Power.CATALOGUE),
        ("/console/catalogue/new", Power.CATALOGUE),
        ("/console/claims/1/withdraw", Power.CATALOGUE),
        ("/console/applications/new", Power.APPLY),
        ("/console/bundles/1/sign", Power.APPLY),
        ("/console/demands/new", Power.APPLY),
        ("/console/subscriptions/1/renew", Power.APPLY),
        ("/console/corrections/new", Power.CORRECT),
    ],
)
def test_an_act_needs_the_power_of_its_operation(path: str, power: Power) -> None:
    assert acting(power).covers(path)
    assert not acting(*(set(Power) - {power})).covers(path)


@pytest.mark.parametrize(
    "path",
    ["/console/subscriptions/1/suspend", "/console/clients/new", "/console/notices", "/console/x"],
)
def test_what_no_power_covers_is_left_to_the_department(path: str) -> None:
    assert not acting(*Power).covers(path)


def test_forms_that_are_not_covered_leave_the_page() -> None:
    shown = without_uncovered(PAGE, acting(Power.APPLY))
    assert "withdraw" in shown
    assert "retire" not in shown
    assert "<summary>b" not in shown
    assert "<summary>d" in shown
    assert "/other" not in shown
    assert "sign-out" in shown
    assert 'method="get"' in shown
    assert "retire" in without_uncovered(PAGE, acting(Power.CATALOGUE))
