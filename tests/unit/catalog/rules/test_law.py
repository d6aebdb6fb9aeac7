"""Only a law, a regulation or a State Council decision forbids sharing (Order 809 Art 14)."""

import pytest

from catalog.rules.law import is_express


@pytest.mark.parametrize(
    "basis",
    [
        "《中华人民共和国统计法》第二十五条",
        "《统计法》第九条",
        "依据《中华人民共和国反间谍法》（2023年修订）第12条",
        "《中华人民共和国民法典》第一千零三十二条",
        "《城市供水条例》第三条",
        "《政务数据共享条例》第十四条第三款",
        "《国务院关于加强数字政府建设的决定》第二条",
        "《全国人民代表大会常务委员会关于加强网络信息保护的决定》第一条",
        "《土地调查规定》（国务院令第518号）第八条",
        "某行政法规第一条",
        "《广西壮族自治区数据条例》第一条；《中华人民共和国保守国家秘密法》第九条",
    ],
)
def test_an_express_rule_is_named_with_its_article(basis: str) -> None:
    assert is_express(basis)


@pytest.mark.parametrize(
    "basis",
    [
        "x",
        "法",
        "依法不予共享",
        "《中华人民共和国统计法》",
        "第九条",
        "《广西壮族自治区数据条例》第一条",
        "《南宁市政务数据管理条例》第二十条",
        "《公安机关办理行政案件程序规定》第八条",
        "《政务信息资源共享管理办法》第五条",
        "厅党组的决定第一条",
        "《关于数据安全的通知》第三条",
    ],
)
def test_what_names_no_such_rule_or_no_article_is_no_basis(basis: str) -> None:
    assert not is_express(basis)
