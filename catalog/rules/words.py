"""Words of the catalogue as they are compared and indexed: width and case folded, in pairs; pure.

Chinese has no spaces, so any two neighbouring characters may be a word: a text is found by every
pair of characters in it, and by each of them alone.
"""

import unicodedata


def fold(text: str) -> str:
    """Return the text with one width and one case: ＡＢＣ１２ and abc12 are the same."""
    return unicodedata.normalize("NFKC", text).casefold()


def words(folded: str) -> list[str]:
    """Return the words of a folded question, each once, in their order."""
    return list(dict.fromkeys(folded.split()))


def grams(folded: str) -> list[str]:
    """Return the characters of a folded text and its pairs of neighbours, no pair over a space."""
    found: set[str] = set()
    for word in folded.split():
        found.update(word)
        found.update(_pairs(word))
    return sorted(found)


def narrowest(word: str) -> list[str]:
    """Return what a text that holds the folded word is looked up by: pairs where it has any."""
    return sorted(_pairs(word)) or [word]


def pairs(text: str) -> list[str]:
    """Return what a short text is found by where any pair of its characters will do."""
    found: set[str] = set()
    for word in fold(text).split():
        found.update(narrowest(word))
    return sorted(found)


def _pairs(word: str) -> set[str]:
    return {word[place : place + 2] for place in range(len(word) - 1)}
