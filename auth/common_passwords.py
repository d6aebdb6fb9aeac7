"""Passwords that are guessed first (NIST SP 800-63B section 3.1.1.2); pure.

Lists of leaked passwords are mostly a few words with digits around them, runs on a keyboard, and
repetitions. Those three shapes are refused, rather than a list of millions being carried along.
"""

import re
from itertools import groupby

DISTINCT_MIN = 5
# What is left beside a word, a run or the username must be worth guessing.
REST_MIN = 5
RUN_MIN = 4
DIGITS_MIN = 16
ROWS = (
    "0123456789", "1234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl",
    "zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik", "!@#$%^&*()", "qazwsxedcrfvtgbyhnujmikolp",
    "一二三四五六七八九十",
)  # fmt: skip
# Written in letters; `SUBSTITUTES` undoes what is usually written for them.
WORDS_LISTED = """
password passwort passwd pass admin administrator root user guest test testing welcome letmein
login master system manager operator security auditor default changeme change secret qwerty
iloveyou monkey dragon football baseball sunshine princess superman batman shadow michael
jennifer charlie trustno trustnoone starwars whatever computer internet server oracle mysql
postgres kafka huawei lenovo tencent alibaba wechat china chinese beijing shanghai guangxi
nanning liuzhou guilin zhongguo woaini woaizhongguo mima shuyuan gongan zhengwu dashuju
guangxidashuju summer winter spring autumn january monday passwordpassword adminadmin testtest
rootroot abcabc aaaa hello helloworld
"""
WORDS = frozenset(WORDS_LISTED.split())
SUBSTITUTES = str.maketrans("@4301!|$5", "aaeoiiiss")
EDGES = re.compile(r"^[\W\d_]+|[\W\d_]+$")
LETTERS = re.compile(r"[^\W\d_]+")


def is_common(password: str, username: str) -> bool:
    """Whether the password, as `normal` writes it, is one of those that are guessed first."""
    text = password.casefold()
    if len(set(text)) < DISTINCT_MIN or _is_repetition(text) or _without_runs(text) < REST_MIN:
        return True
    # Dates, and numbers of telephones.
    if text.isdecimal() and len(text) < DIGITS_MIN:
        return True
    own = username.casefold()
    if own and own in text and len(text) - len(own) < REST_MIN:
        return True
    plain = EDGES.sub("", text).translate(SUBSTITUTES)
    return _is_word(text) or (plain in WORDS and len(text) - len(plain) <= 2 * REST_MIN)


def _is_repetition(text: str) -> bool:
    """Whether a shorter text is written over and over."""
    return text in (text + text)[1:-1]


def _without_runs(text: str) -> int:
    """Return how many characters stand outside runs along a row, and repeat none before them."""
    rest = "".join(letter for letter, _ in groupby(text))
    for row in ROWS:
        for line in (row, row[::-1]):
            rest = _without(rest, line)
    return len(rest)


def _without(text: str, line: str) -> str:
    for length in range(len(line), RUN_MIN - 1, -1):
        for start in range(len(line) - length + 1):
            text = text.replace(line[start : start + length], "")
    return text


def _is_word(text: str) -> bool:
    """Whether one guessed word, with a few digits and signs around it, is all there is."""
    words = LETTERS.findall(text)
    known = [word for word in words if word in WORDS]
    rest = "".join(word for word in words if word not in WORDS)
    signs = len(text) - sum(map(len, words))
    # A year, a date, an ordinal and a sign or two: the first that is tried after each word.
    return bool(known) and not rest and signs <= 2 * REST_MIN
