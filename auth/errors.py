"""Refusals that have to do with who is calling."""

from collections.abc import Iterable

from kernel.errors import Conflict, Forbidden, Text, TooMany, Unauthorized


class TokenMissing(Unauthorized):
    code = "token_missing"
    title = Text("缺少访问令牌", "An access token is needed")


class TokenInvalid(Unauthorized):
    code = "token_invalid"


class TokenExpired(Unauthorized):
    code = "token_expired"
    title = Text("访问令牌已过期", "The access token has expired")


class TokenRevoked(Unauthorized):
    code = "token_revoked"
    title = Text("访问令牌已被撤销", "The access token was revoked")


class InsufficientScope(Forbidden):
    code = "insufficient_scope"
    title = Text("令牌的授权范围不足", "The token's scope is not sufficient")

    def __init__(self, scope: str) -> None:
        super().__init__(f"需要授权范围 {scope}", f"Scope {scope} is needed", required=scope)


class RoleRequired(Forbidden):
    code = "role_required"

    def __init__(self, roles: Iterable[str]) -> None:
        names = sorted(str(role) for role in roles)
        listed = " / ".join(names)
        super().__init__(f"需要角色 {listed}", f"Role {listed} is needed", required=names)


class NotYourDepartment(Forbidden):
    code = "not_your_department"
    title = Text("不属于本部门的职责范围", "Not within the duties of your department")


class NotDelegated(Forbidden):
    code = "not_delegated"
    title = Text(
        "该部门未委托本部门办理此事，或委托不在有效期内",
        "The department has not delegated this to yours, or not for today",
    )


class FourEyes(Forbidden):
    code = "four_eyes"
    title = Text(
        "起草人不得签批，请由本部门其他负责人签批",
        "Who drafted may not sign: let another head of the department do it",
    )


class LastAdministrator(Conflict):
    """Facts `role` and `region_code` say whose last one would go."""

    code = "last_administrator"
    title = Text(
        "该区划最后一名安全管理员或系统管理员不能被撤销，请先指定继任者",
        "The last security or operator of a division cannot go; name a successor first",
    )


class TooManySignInAttempts(TooMany):
    code = "rate_limited"
    title = Text("登录失败次数过多，请稍后再试", "Too many failed sign-ins; try again later")
