"""How a pod behaves, told by the tag of its image.

``web:1`` is fine. Words after a dash change that, each with a number if the usual is not meant:
``web:2-bad`` answers 30 % with 500 (``bad5``: 5 %), ``slow`` takes 1500 ms (``slow700``),
``dead`` closes every connection without a word (``dead20``: 20 % of them).
They may be joined: ``web:3-bad10-slow200``. A tag may also begin with such a word (``web:bad``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"(bad|slow|dead)(\d*)")
_USUAL = {"bad": 30, "slow": 1500, "dead": 100}


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """
    What one version does.

    Attributes:
        version: The whole tag; answered in the header ``x-version``.
        bad: Answers with status 500, percent.
        slow: Time before each answer, in milliseconds.
        dead: Connections closed without an answer, percent.
    """

    version: str
    bad: int = 0
    slow: int = 0
    dead: int = 0


def behaviour(image: str) -> Behaviour:
    """What a pod with this image does; a word that is none of ours means nothing."""
    path, _, digest = image.partition("@")
    version = path.rpartition("/")[2].partition(":")[2] or digest or "latest"
    told: dict[str, int] = {}
    for word in version.split("-"):
        if match := _WORD.fullmatch(word):
            told[match[1]] = int(match[2]) if match[2] else _USUAL[match[1]]
    return Behaviour(version=version, **told)
