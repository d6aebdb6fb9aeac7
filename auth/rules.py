"""What a department, a person and a password must be like; pure."""

import unicodedata
from collections.abc import Collection

from auth.common_passwords import is_common
from auth.principal import Role
from kernel import identifiers
from kernel.errors import FieldErrors

# GB/T 39477-2020: administration, security and audit of one platform are in different hands.
SEPARATED = frozenset({Role.OPERATOR, Role.SECURITY, Role.AUDITOR})
PASSWORD_MIN = 10
# Argon2 reads all of it: a bound on the work of one sign-in.
PASSWORD_MAX = 256


def check_uscc(code: str, errors: FieldErrors, *, path: str = "uscc") -> None:
    """Require a unified social credit code with both its check characters (GB 32100-2015)."""
    fault = identifiers.uscc(code)
    if fault == identifiers.PATTERN:
        errors.add(path, "pattern", "不是统一社会信用代码", "is not a unified social credit code")
    elif fault is not None:
        errors.add(path, "check_digit", "校验码不正确", "has a wrong check character")


def check_roles(roles: Collection[Role], errors: FieldErrors) -> None:
    """Require that nobody holds two of operator, security and auditor."""
    if len(SEPARATED.intersection(roles)) > 1:
        errors.add(
            "roles",
            "incompatible_roles",
            "系统管理、安全管理、审计不得由同一人兼任",
            "operator, security and auditor must be different people",
        )


def check_password(password: str, username: str, errors: FieldErrors, path: str) -> None:
    """Require 10 to 256 characters that are neither the username nor guessed first."""
    if len(password) < PASSWORD_MIN:
        errors.add(path, "too_short", "口令至少 10 个字符", "has fewer than 10 characters")
    elif len(password) > PASSWORD_MAX:
        errors.add(path, "too_long", "口令过长", "has more than 256 characters")
    elif normal(password).casefold() == normal(username).casefold():
        errors.add(path, "pattern", "口令不得与用户名相同", "must not be the username")
    elif is_common(normal(password), normal(username)):
        errors.add(
            path,
            "too_common",
            "口令过于常见，请换用不易猜到的口令",
            "is one of those that are guessed first",
        )


def normal(password: str) -> str:
    """Return the form in which a password is hashed, however a keyboard composed it (NFKC)."""
    return unicodedata.normalize("NFKC", password)
