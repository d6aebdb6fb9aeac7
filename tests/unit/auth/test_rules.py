"""Separation of duties, passwords, codes of departments."""

from itertools import combinations

import pytest

from auth import rules
from auth.principal import Role
from kernel.errors import FieldErrors


def _codes(errors: FieldErrors) -> list[str]:
    return [error.code for error in errors.found]


@pytest.mark.parametrize("pair", list(combinations(sorted(rules.SEPARATED), 2)))
def test_nobody_holds_two_of_operator_security_and_auditor(pair: tuple[Role, Role]) -> None:
    errors = FieldErrors()
    rules.check_roles({*pair, Role.CLERK}, errors)
    assert _codes(errors) == ["incompatible_roles"]


@pytest.mark.parametrize("role", sorted(rules.SEPARATED))
def test_one_of_them_goes_with_every_other_role(role: Role) -> None:
    errors = FieldErrors()
    rules.check_roles((set(Role) - rules.SEPARATED) | {role}, errors)
    assert not errors.found


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("123456789", "too_short"),
        ("x" * 257, "too_long"),
        ("wei.guifang", "pattern"),
        ("WEI.GuiFang", "pattern"),
        ("ｗｅｉ．ｇｕｉｆａｎｇ", "pattern"),
        ("1234567890", "too_common"),
        ("          ", "too_common"),
        ("x" * 256, "too_common"),
        ("abcabcabcabc", "too_common"),
        ("5201314520", "too_common"),
        ("1qaz2wsx3edc", "too_common"),
        ("qwertyuiop12", "too_common"),
        ("P@ssw0rd2024", "too_common"),
        ("Admin@123456", "too_common"),
        ("Guangxi2024!", "too_common"),
        ("wei.guifang1", "too_common"),
        ("ｐａｓｓｗｏｒｄ１２", "too_common"),
    ],
)
def test_a_password_is_long_not_the_username_and_not_guessed_first(
    password: str, code: str
) -> None:
    errors = FieldErrors()
    rules.check_password(password, "wei.guifang", errors, "password")
    assert _codes(errors) == [code]


@pytest.mark.parametrize(
    "password", ["correct horse", "十个汉字的口令也可以", "kQ7-vZ2p_x", "青山 passwords 绿水"]
)
def test_ten_characters_of_any_script_are_enough(password: str) -> None:
    errors = FieldErrors()
    rules.check_password(password, "wei.guifang", errors, "password")
    assert not errors.found


def test_a_password_is_the_same_however_the_keyboard_composed_it() -> None:
    assert rules.normal("e\u0301te\u0301 2026!!") == rules.normal("\u00e9t\u00e9 2026!!")


@pytest.mark.parametrize(
    ("code", "reason"),
    [("11450000MB0000019D", None), ("11450000MB0000019E", "check_digit"), ("桂", "pattern")],
)
def test_a_departments_code_has_a_right_last_place(code: str, reason: str | None) -> None:
    errors = FieldErrors()
    rules.check_uscc(code, errors)
    assert _codes(errors) == ([reason] if reason else [])
