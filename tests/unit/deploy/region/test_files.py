"""The region's files: read whole, and refused with file and line where they contradict."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from deploy.region import checking
from deploy.region.events import events
from deploy.region.putting_together import uscc_of
from deploy.region.reading import DATA, Invalid
from deploy.region.region import Region
from kernel.identifiers import uscc


@pytest.fixture(scope="module")
def whole() -> Region:
    return checking.region()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the files, to be spoilt."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def append(folder: Path, file: str, line: str) -> int:
    """Add a line to a file; return its number."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    path.write_text(text + line + "\n", encoding="utf-8")
    return text.count("\n") + 1


def refused(folder: Path) -> list[tuple[str, int]]:
    """Return file and line of every problem."""
    with pytest.raises(Invalid) as refusal:
        checking.region(folder)
    return [(each.file, each.line) for each in refusal.value.problems]


def test_every_named_system_has_its_place(whole: Region) -> None:
    systems = whole.files.systems
    assert len(systems) == 347
    assert whole.resources.keys() == {row.id for row in systems if row.role in "PB"}
    consumed = {f"{row.id}<{used}" for row in systems for used in row.consumes}
    assert len(consumed) == 403
    assert consumed <= {pair.id for pair in whole.pairs}
    assert all(pair.return_flow for pair in whole.pairs if pair.id not in consumed)
    listed = [each for each in whole.resources.values() if not each.records]
    assert len(listed) == 8
    assert all(row.reason for row in systems if row.role == "X")


def test_every_use_is_by_a_mode_that_is_offered(whole: Region) -> None:
    for pair in whole.pairs:
        assert pair.mode in pair.resource.modes, pair.id


def test_a_city_gets_the_rows_of_its_own_area(whole: Region) -> None:
    filters = {pair.id: pair.row_filter for pair in whole.pairs}
    assert filters["city-exchange-guilin<digital-gov-platform"] == [
        {"item": "division", "op": "prefix", "value": "4503"}
    ]
    assert filters["zhiguitong<e-licence"] is None


def test_each_city_gets_back_its_rows_of_every_regional_entry_made_from_its_own(
    whole: Region,
) -> None:
    back = {pair.id: pair.row_filter for pair in whole.pairs if pair.return_flow}
    cities = [row for row in whole.files.systems if row.id.startswith("city-exchange-")]
    assert len(cities) == 14
    regional = ("digital-gov-platform", "integrated-big-data")
    for city in cities:
        code = whole.departments[city.department].region_code
        for name in regional:
            rows = [{"item": "division", "op": "prefix", "value": code[:4]}]
            assert back[f"{city.id}<{name}"] == rows
    assert len(back) == len(cities) * len(regional) + 2


def test_the_region_gets_back_its_own_rows_of_what_the_state_makes_of_them(whole: Region) -> None:
    back = {pair.id: pair.row_filter for pair in whole.pairs if pair.return_flow}
    for name in (
        "digital-gov-platform<national-exchange",
        "business-resource-library<national-online-gov",
    ):
        assert back[name] == [{"item": "division", "op": "prefix", "value": "45"}]


def test_the_story_has_what_the_issue_asks_for(whole: Region) -> None:
    kinds = Counter(event.kind.rpartition(" / ")[2] for event in events(whole))
    assert kinds == {
        "contested source": 3, "refused": 2, "rerouted": 2, "bundle": 1, "correction": 1,
        "merger": 1, "announced version": 1, "order": 1, "suspended": 1, "expired": 1,
        "disposed": 1,
    }  # fmt: skip


def test_a_part_tells_only_the_events_whose_systems_are_in_it(whole: Region) -> None:
    part = whole.only({"zgt-infrastructure"})
    told = {event.id for event in events(part)}
    assert "suspended-misuse" not in told
    assert "contest-rainfall" in told


def test_credit_codes_are_fictitious_and_right(whole: Region) -> None:
    rows = [row for row in whole.files.departments if row.organisation]
    codes = [uscc_of(row) for row in rows]
    assert [uscc(code) for code in codes] == [None] * len(rows)
    assert len(set(codes)) == len(rows)


def test_nobody_is_source_of_a_datum_that_another_one_collects(whole: Region) -> None:
    for resource in whole.resources.values():
        for item in resource.items:
            if whole.is_source(resource, item) and not item.own:
                region = resource.department.region_code
                assert whole.source_of(item.element, region) == resource.department
    assert whole.sources_of_shared == {
        "population-library", "national-population-library", "legal-entity-library",
        "national-legal-library", "geo-library", "geo-framework-region", "geo-framework-city",
        "geo-framework-county",
    }  # fmt: skip


def test_a_part_brings_along_what_it_uses(whole: Region) -> None:
    part = whole.only({"zhiguitong"})
    assert [pair.id for pair in part.pairs] == [
        "zhiguitong<digital-gov-platform", "zhiguitong<e-licence", "zhiguitong<guizhanyi",
    ]  # fmt: skip
    assert {"digital-gov-platform", "e-licence", "guizhanyi"} <= part.resources.keys()
    # Whom their records are about: the elements of persons and of legal entities.
    assert {"population-library", "legal-entity-library"} <= part.resources.keys()
    assert not {"court", "national-population-library"} & part.resources.keys()


@pytest.mark.parametrize(
    ("file", "line"),
    [
        (
            "systems.csv",
            "court,backbone,又一个法院,,003,B,自治区高级法院,query,失信被执行人二,jintu,",
        ),
        ("systems.csv", "new,backbone,法院信息系统,,003,P,自治区高级法院,query,失信被执行人,,"),
        ("systems.csv", "new,backbone,新系统,,003,C,自治区高级法院,query,,jinshen,"),
        ("systems.csv", "new,backbone,新系统,,003,C,自治区高级法院,query,,audio-hall,"),
        ("systems.csv", "new,backbone,新系统,,003,C,自治区高级法院,query,,nobody,"),
        ("systems.csv", "new,backbone,新系统,,003,X,自治区高级法院,,,,"),
        ("systems.csv", "new,backbone,新系统,,003,P,自治区高级法院,query,无人知道的东西,,"),
        ("systems.csv", "new,backbone,新系统,,003,P,没有的厅,query,失信被执行人二,,"),
        ("systems.csv", "new,backbone,新系统,,003,Z,自治区高级法院,query,,,"),
        ("systems.csv", "new,backbone,新系统"),
        ("departments.csv", "新厅,new,新厅,11,RGN00002,450000,,,"),
        ("departments.csv", "新厅,court,新厅,11,RGN99999,450000,,,"),
        ("departments.csv", "新厅,new,新厅,11,RGN99999,450127,,,"),
        ("departments.csv", "新厅,new,新厅,11,11111111,450000,,,"),
        ("code_lists.csv", "GX-NEU,新代码集,GB/T 2260,,,1=是;0=否"),
        ("code_lists.csv", "GX-NEU,新代码集,GB/T 0,2026,2026-01-01,1=是;0=否"),
        ("code_lists.csv", "GX-NEU,新代码集,GB/T 2260,2026,2026-01-01,1=是;1=否"),
        (
            "elements.csv",
            "GX-NEU,新,新,string,,9,,,,,,,GB/T 2260,1,,没有的厅,公安部",
        ),
        ("profile_items.csv", "case,new,新,own,string,9,,,,,,,nothing"),
        ("profile_items.csv", "case,number,编号,own,string,9,,,,,,,number"),
        ("rules.csv", "新词,nothing,甲,,"),
        ("resources.csv", "jinshen,,,,,,,,"),
        ("pairs.csv", "zhiguitong,court,,"),
        ("derived.csv", "digital-gov-platform,city-exchange-nanning,又一次"),
        ("derived.csv", "court,no-such,出处不明"),
        ("derived.csv", "city-exchange-nanning,digital-gov-platform,绕回自身"),
        ("contests.csv", "new,GX-CJ-FRMC,自治区公安厅,自治区司法厅,kept,数源另有其人"),
        ("contests.csv", "contest-rainfall,GX-CJ-JYL,自治区水利厅,自治区气象局,replaced,重复"),
        ("decisions.csv", "new,zhiguitong,court,pull,,refused,1,,不提供该方式,"),
        ("decisions.csv", "new,zhiguitong,e-licence,query,,refused,1,,已在日常使用,"),
        ("decisions.csv", "new,zhiguitong,jintu,query,,rerouted,,,未说明转往何处,"),
        ("decisions.csv", "new,zhiguitong,jintu,query,,refused,3,,未引用共享条件,"),
        ("fates.csv", "new,jintu,jinnong,table,suspended,不使用数据的系统"),
        ("bundles.csv", "new,两个部门一份申请,jinnong,table,zhiguitong;emergency-broadcast"),
        ("corrections.csv", "new,no-such,zhiguitong,1,name,误,没有这份申请"),
        ("mergers.csv", "new,自治区公安厅,自治区司法厅,条目,仍有系统在用"),
        ("announcements.csv", "new,jinguan,number,1-0,,主键不可遮盖,依据"),
        ("breaches.csv", "new,jinshen,使用方没有目录,40,请更新,已更新"),
        ("breaches.csv", "new,jinbao,尚在期限之内,3,请更新,已更新"),
        ("systems.csv", "new,backbone,政府数据统一共享交换平台,,003,X,自治区高级法院,,,,别名"),
        ("systems.csv", "new,backbone,新系统,,003,P,自治区公安厅,query,人口基本信息,,"),
        ("systems.csv", 'new,backbone,"新系统'),
        ("systems.csv", "new,backbone,新\x07系统,,003,C,自治区高级法院,query,,court,"),
        ("systems.csv", "new,backbone,新系统,,003,P,自治区财政厅,query,人口基本信息,,"),
        (
            "systems.csv",
            "new,backbone,新系统,,003,P,各设区市大数据发展局,pull,柳州市政务服务办件信息,,",
        ),
        ("mergers.csv", "new,自治区投资促进局,自治区商务厅,人口基本信息,与在用的条目同名"),
        ("people.csv", "*,clerk,clerk,又一名经办"),
        ("people.csv", "自治区公安厅,clerk,clerk,又一名经办"),
        ("people.csv", "*,authority,authority,处处都有的审核员"),
        ("people.csv", "各设区市大数据发展局,operator,duty,没有人的部门"),
        ("standards.csv", "GB/T 0,新标准,2026,2026-02-30"),
        ("code_lists.csv", "GX-NEU,新代码集,GB/T 2260,2026,2026-13-01,1=是;0=否"),
        ("elements.csv", "GX-NEU,新,新,string,9,8,,,,,,,GB/T 2260,1,,自治区公安厅,公安部"),
        ("elements.csv", "GX-NEU,新,新,integer,,,5,4,,,,,GB/T 2260,1,,自治区公安厅,公安部"),
        ("elements.csv", "GX-NEU,新,新,string,-1,8,,,,,,,GB/T 2260,1,,自治区公安厅,公安部"),
        ("rules.csv", "新词,person,甲,,60-16"),
        ("rules.csv", f"新词,person,{'长' * 51},,"),
        ("mergers.csv", "new,自治区投资促进局,自治区投资促进局,条目,并入自身"),
    ],
    ids=[
        "a system twice", "a name twice", "a consumer of a consumer",
        "a consumer of what is listed only", "a consumer of nobody", "outside without a reason",
        "no rule fits", "no such department", "no such role", "cells are missing",
        "an organisation twice", "a short name twice", "a division that has ended",
        "an organisation that could be real", "a code list without edition", "no such standard",
        "a code twice", "no such source", "no such generator", "an item twice",
        "no such profile", "an override of a consumer", "an override of no use",
        "derived twice", "derived from nothing", "derived from itself",
        "a contest that another one wins", "an event twice", "a mode that is not offered",
        "asked for what is used anyway", "rerouted to nowhere", "code 3 without conditions",
        "a grant of no consumer", "a bundle of two departments", "a correction of no bundle",
        "a merger of a department with systems", "a key that is masked",
        "a breach of no entry", "a breach within its term",
        "a system by another's alias", "an entry of a department twice", "an open quotation mark",
        "a control character", "an entry of a division twice",
        "an entry of whom a department stands for", "a merger with an entry of another",
        "a post twice", "a post of all that one has by name", "a post of one that all have",
        "a post of whom others stand for", "no such day", "an edition of no day",
        "lengths that cross", "bounds that cross", "a length below one", "ages that cross",
        "a category that is too long", "a merger into oneself",
    ],
)  # fmt: skip
def test_what_is_wrong_names_its_file_and_line(folder: Path, file: str, line: str) -> None:
    number = append(folder, file, line)
    assert (file, number) in refused(folder)


def test_an_override_by_a_mode_that_is_not_offered_is_refused(folder: Path) -> None:
    number = append(folder, "pairs.csv", "court,jintu,push,")
    assert refused(folder) == [("pairs.csv", number)]


def test_persons_are_not_opened(folder: Path) -> None:
    append(folder, "resources.csv", "jindun,,,,open,,,,")
    (problem,) = refused(folder)
    assert problem[0] == "systems.csv"


def test_another_heading_is_refused(folder: Path) -> None:
    path = folder / "rules.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("word,", "words,", 1))
    assert refused(folder) == [("rules.csv", 1)]


@pytest.mark.parametrize("file", ["cities.csv", "words.csv"])
def test_what_records_are_made_of_is_not_missing(folder: Path, file: str) -> None:
    path = folder / file
    kept = path.read_text(encoding="utf-8").splitlines()[:-1]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    assert refused(folder) == [(file, len(kept))]


def test_a_quotation_mark_that_is_left_open_hides_no_other_line(folder: Path) -> None:
    first = append(folder, "rules.csv", '"新词,person,甲,,')
    second = append(folder, "rules.csv", "新词二,nothing,甲,")
    assert refused(folder) == [("rules.csv", first), ("rules.csv", second)]


def test_all_that_is_wrong_is_told_at_once(folder: Path) -> None:
    first = append(folder, "rules.csv", "新词,nothing,甲,,")
    second = append(folder, "pairs.csv", "zhiguitong,court,,")
    assert refused(folder) == [("rules.csv", first), ("pairs.csv", second)]
