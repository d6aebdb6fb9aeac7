"""Parameters of a form or query, each at most once (RFC 6749 section 3.1, 3.2); pure."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from auth.oauth.errors import InvalidRequestError

FIELDS_MAX = 40
VALUE_MAX = 16_384


class Parameters:
    """What was sent; `repeated` names those that came more than once."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.values: Mapping[str, str] = dict(reversed(pairs))
        names = [name for name, _ in pairs]
        self.repeated = sorted({name for name in names if names.count(name) > 1})

    def get(self, name: str) -> str | None:
        """Return the value; an empty one counts as absent."""
        return self.values.get(name) or None

    def need(self, name: str) -> str:
        """Return the value; raises InvalidRequestError when it is absent."""
        value = self.get(name)
        if value is None:
            raise InvalidRequestError(f"缺少参数 {name}", f"The parameter {name} is missing.")
        return value

    def refuse_repeated(self) -> None:
        if self.repeated:
            raise InvalidRequestError("参数重复出现", "A parameter came more than once.")


def parse(text: bytes) -> Parameters:
    """Read form-encoded text; raises InvalidRequestError when it is not."""
    try:
        pairs = parse_qsl(
            text.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
        )
    except ValueError as error:
        raise InvalidRequestError("参数无法读取", "The parameters cannot be read.") from error
    if any("\x00" in value or len(value) > VALUE_MAX for _, value in pairs):
        raise InvalidRequestError(
            "参数过长或含有 NUL 字符", "A parameter is too long or holds a NUL."
        )
    return Parameters(pairs)
