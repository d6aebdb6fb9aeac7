"""Each refusal names the check that failed, and keeps nothing that a caller sent."""

import pytest

from gateway.checks import RULES, Check, check_of, kept_facts


def test_every_check_has_a_rule_and_a_remedy_in_both_languages() -> None:
    assert set(RULES) == set(Check)
    for rule in RULES.values():
        assert all((rule.rule.zh, rule.rule.en, rule.remedy.zh, rule.remedy.en))


@pytest.mark.parametrize(
    ("code", "status", "check"),
    [
        ("token_revoked", 401, Check.TOKEN),
        ("insufficient_scope", 403, Check.SCOPE),
        ("role_required", 403, Check.ROLE),
        ("not_your_department", 403, Check.DEPARTMENT),
        ("not_found", 404, Check.THING),
        ("subscription_suspended", 403, Check.GRANT),
        ("subscription_expired", 403, Check.CALENDAR),
        ("mode_not_granted", 403, Check.MODE),
        ("quota_exhausted", 429, Check.QUOTA),
        ("rate_limited", 429, Check.RATE),
        ("illegal_transition", 409, Check.STATE),
        ("validation_failed", 422, Check.CONTRACT),
        ("unsupported_media_type", 415, Check.REQUEST),
        ("unavailable", 503, Check.PLATFORM),
        ("a_code_to_come", 403, Check.ROLE),
    ],
)
def test_the_check_that_failed(code: str, status: int, check: Check) -> None:
    assert check_of(code, status) is check


def test_facts_are_rules_and_no_values() -> None:
    facts = {"required": ["head"], "state": "x" * 1000, "value": "450103199001011234", "key": "k"}
    assert kept_facts(facts) == {"required": ["head"], "state": "x" * 200}
