"""Management bodies: what only some readers take is refused, and where it stands is told (F7)."""

import json

import pytest

from gateway import strict_json
from kernel.errors import Invalid, InvalidUtf8, MalformedJson

WRONG = {
    b'{"a": 1, "b": {"c": 1, "c": 2}}': ("b.c", "duplicate_key"),
    b'[{"a": [{"x": 1, "x": 1}]}]': ("[0].a[0].x", "duplicate_key"),
    b'{"a":1,"a"  :2}': ("a", "duplicate_key"),
    b'{"a" :1,"b": "\\":", "a"\n:2}': ("a", "duplicate_key"),
    b'{"a": {"b": ' + b"9" * 5_000 + b"}}": ("a.b", "out_of_range"),
    b'{"a": [1, -Infinity]}': ("a[1]", "wrong_type"),
    b'{"a": 1e400}': ("a", "wrong_type"),
    b'{"a": 0.30000000000000001}': ("a", "out_of_range"),
    b'{"a": [12345678901234567.8]}': ("a[0]", "out_of_range"),
    b'{"a": [{"b": 1e-400}]}': ("a[0].b", "out_of_range"),
    b'{"a": 0.' + b"1" * 5_000 + b"}": ("a", "out_of_range"),
    b'{"a": "\\u202e"}': ("a", "pattern"),
    '{"a": "x\u2066y"}'.encode(): ("a", "pattern"),
    b'{"a": "\\ud800"}': ("a", "pattern"),
    b'{"\\u0000": 1}': ("\ufffd", "pattern"),
    b"[" * 33 + b"]" * 33: ("", "too_deep"),
    b"[" * 20_000: ("", "too_deep"),
}


@pytest.mark.parametrize("body", WRONG)
async def test_what_is_wrong_is_told_with_its_place(body: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        await strict_json.check(body)
    assert [(error.path, error.code) for error in refused.value.errors] == [WRONG[body]]


@pytest.mark.parametrize(
    "body",
    [b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b'{"a": "\xff"}', b'{"a": "\xed\xa0\x80"}'],
)
async def test_only_utf8_without_a_mark_is_read(body: bytes) -> None:
    with pytest.raises(InvalidUtf8):
        await strict_json.check(body)


@pytest.mark.parametrize("body", [b"{", b"{} {}", b"'a'", b"\x00{}", b" "])
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        await strict_json.check(body)


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        {"a:": "b : c", "d": '":'},
        {"a": ["数源\n\t第二行", 1.5, -3, True, {"b": 10**30}]},
        "🏛️ emoji with its selector",
        {"id": "450102199001011234.50", "a": [0.1, 1e-7, 0.1234567890123456, -2.5e300]},
    ],
)
async def test_what_every_reader_reads_alike_is_taken(value: object) -> None:
    await strict_json.check(json.dumps(value, ensure_ascii=False).encode())
    await strict_json.check(json.dumps(value).encode())
    await strict_json.check(b"[" * 32 + b"]" * 32)
