"""Who decides between two departments: the lowest authority above both (Art 28)."""

from exchange.disputes.levels import deciders

PROVINCE, NANNING, QINGXIU, LIUZHOU, STATE = "450000", "450100", "450103", "450200", "100000"
AUTHORITIES = {"region": PROVINCE, "nanning": NANNING, "qingxiu": QINGXIU, "liuzhou": LIUZHOU}


def lowest(*regions: str, parties: tuple[str, ...] = ()) -> set[str]:
    return set(deciders(AUTHORITIES, regions, parties))


def test_the_lowest_authority_above_both_decides() -> None:
    assert lowest(QINGXIU, QINGXIU) == {"qingxiu"}
    assert lowest(QINGXIU, NANNING) == {"nanning"}
    assert lowest(NANNING, LIUZHOU) == {"region"}
    assert lowest(PROVINCE, QINGXIU) == {"region"}


def test_a_division_without_an_authority_has_the_one_above() -> None:
    assert lowest("450105", "450105") == {"nanning"}


def test_a_party_does_not_decide_while_there_is_another_above() -> None:
    assert lowest(NANNING, NANNING, parties=("nanning", "x")) == {"region"}
    assert lowest(PROVINCE, PROVINCE, parties=("region", "x")) == {"region"}


def test_with_a_department_of_the_state_its_own_authority_decides_if_there_is_one() -> None:
    assert lowest(STATE, PROVINCE) == {"region"}
    assert lowest(STATE, QINGXIU) == {"region"}
    both = {**AUTHORITIES, "state": STATE}
    assert deciders(both, (STATE, QINGXIU), ()) == {"state"}
    assert deciders(both, (STATE, PROVINCE), ()) == {"state"}
    assert deciders(both, (NANNING, NANNING), ()) == {"nanning"}
