"""Takes secrets out of texts that people and programs will read.

Floor 1, pure, knows nothing of the project. Used where texts are made or leave: by `errors.py`, by
`_log.py`, by the events and samples of `_model/`, where documents are judged, and by the command
line. Manifests have places of their own for secrets; for those see `_kube/shown.py`.

What is known to be a secret goes wherever it stands. For the rest there are shapes: user info in
addresses, headers and parameters that are named like secrets, tokens that say what they are.
Words, hosts, paths, numbers and names of checks stay, for a message must still help.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

GONE = "…"
"""What stands in the place of a secret."""

_SHORTEST = 4
"""A known secret of fewer characters is left: it would be found in every second word."""

_SAFE_ALONE = 8
"""A known secret of fewer characters is taken out as a word, never out of the middle of one."""

_ENDINGS = (
    "password|passwd|passphrase|pwd|secret|token|credential|credentials|signature|authorization"
    "|bearer|jwt|cookie|sessionid|accesskeyid|webhookurl"
    "|(?:api|app|access|secret|private|encryption|signing|master|account|shared|auth|client"
    "|service|storage|license|ssh|deploy|subscription)key"
)
_NAME = r"[A-Za-z0-9_.\-]{1,64}"
_SCHEMES = r"(?:bearer|basic|negotiate|token|apikey|digest|aws4-hmac-sha256)"
_PLAIN_VALUE = r"[^\s&\"'<>;,)}\]\\]+"

_HINTS = (
    *("@", "pass", "pwd", "secret", "token", "credential", "signature", "auth", "bearer", "basic"),
    *("jwt", "cookie", "session", "key", "sig", "webhook", "hooks.", "telegram", "value", "begin"),
    *("ls0t", "eyj", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat", "glpat", "xox", "akia"),
    *("asia", "aiza", "ya29", "sk_live", "npm_", "hvs.", "hvb.", "glsa_", "glc_", "k8s-aws"),
    *("dckr", "...|"),
)
"""A text without any of these, in small letters, holds nothing that the rules below look for."""

Change = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
Named = tuple[re.Pattern[str], re.Pattern[str], bool]


def redacted(text: str, known: Iterable[str] = ()) -> str:
    """
    The text without the secrets in it; the same again changes nothing.

    Args:
        known: Secrets that the caller knows of, such as the token that was sent; they go in any
            spelling that servers echo: as they are, in JSON, in an address.

    >>> redacted("http://ada:hunter2@prometheus:9090/base cannot be reached")
    'http://…@prometheus:9090/base cannot be reached'
    """
    if not text:
        return text
    for secret in sorted(_spellings(known), key=len, reverse=True):
        if len(secret) >= _SAFE_ALONE:
            text = text.replace(secret, GONE)
        else:
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])", GONE, text)
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return text  # nearly every text: a run makes one with each of its events
    before, named, after = _compiled()
    for pattern, instead in before:
        text = pattern.sub(instead, text)
    for head, value, must_be_opaque in named:
        text = _without_named(text, head, value, must_be_opaque)
    for pattern, instead in after:
        text = pattern.sub(instead, text)
    return text


def concealed(secret: str) -> str:
    """What is shown of a value that nobody may see: how long it is, so that empty is told."""
    return f"{GONE}({len(secret)} character{'' if len(secret) == 1 else 's'})"


def private_part(address: str) -> str | None:
    """The part of an address that may hold a secret, in words; None: it has none."""
    if "@" in address:
        return "a user or a password"
    return "a query (what follows the ?)" if "?" in address else None


def names_a_secret(name: str) -> bool:
    """
    Whether what bears this name is one: a parameter, a header, a flag, a variable.

    >>> [one for one in ("DB_PASSWORD", "--token", "token_file", "apiKey") if names_a_secret(one)]
    ['DB_PASSWORD', '--token', 'apiKey']
    """
    if re.search(r"(?:^|[_.\-])(?:pass|sig|auth)\d*$", name, re.IGNORECASE):
        return True
    bare = re.sub(r"[^A-Za-z0-9]", "", name).rstrip("0123456789").lower()
    return re.search(rf"(?:{_ENDINGS})$", bare) is not None


def _spellings(known: Iterable[str]) -> set[str]:
    import json  # here, for most texts are redacted without any secret that is known
    from urllib.parse import quote

    found: set[str] = set()
    for secret in known:
        if len(secret) >= _SHORTEST:
            found |= {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}
            found.add(json.dumps(secret, ensure_ascii=False)[1:-1])
    return found


def _opaque(word: str) -> bool:
    """Whether a word looks like a token, and like nothing that is written in a sentence."""
    return len(word) >= 24 or any(one.isdigit() for one in word) or word[1:] != word[1:].lower()


def _without_named(
    text: str, head: re.Pattern[str], value: re.Pattern[str], must_be_opaque: bool
) -> str:
    # in two steps, so that a value that stays is looked through for names as well
    pieces, done = [], 0
    for found in head.finditer(text):
        if found.start() < done or not names_a_secret(found["name"]):
            continue
        secret = value.match(text, found.end())
        if secret is not None and (not must_be_opaque or _opaque(secret[0])):
            pieces += [text[done : found.end()], GONE]
            done = secret.end()
    return "".join((*pieces, text[done:])) if pieces else text


def _if_opaque(found: re.Match[str]) -> str:
    return f"{found['before']}{GONE}" if _opaque(found["value"]) else found[0]


@cache
def _compiled() -> tuple[tuple[Change, ...], tuple[Named, ...], tuple[Change, ...]]:
    """Patterns in the order of their use; made once they are needed."""
    shapes = (*_TOKENS, *_ADDRESSES, *_HEADERS)
    return (
        tuple((re.compile(pattern), instead) for pattern, instead in shapes),
        tuple((re.compile(head), re.compile(value), opaque) for head, value, opaque in _NAMED),
        tuple((re.compile(pattern), instead) for pattern, instead in _MANIFESTS),
    )


_TOKENS: tuple[tuple[str, str], ...] = (
    (
        r"(?s)-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)",
        f"{GONE} (a private key)",
    ),
    (r"LS0tLS1CRUdJTi[A-Za-z0-9+/]*={0,2}", GONE),  # the same in base64, as in kubeconfigs
    (r"\beyJ[A-Za-z0-9_\-]{5,}\.[A-Za-z0-9_\-]{5,}(?:\.[A-Za-z0-9_\-]*)?", GONE),  # JWT
    (
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w\-]{16,}"
        r"|xox[a-z]-[A-Za-z0-9\-]{8,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w\-]{30,}|ya29\.[\w\-]{10,}"
        r"|sk_live_\w{10,}|npm_[A-Za-z0-9]{30,}|hv[sb]\.[\w\-]{16,}|gl(?:sa|c)_[\w+/=\-]{16,}"
        r"|k8s-aws-v1\.[\w\-]{8,}|dckr_pat_[\w\-]{16,})",
        GONE,
    ),
)

_ADDRESSES: tuple[tuple[str, str], ...] = (
    (r"://[^\s/?#\"'<>\\]{0,512}@", f"://{GONE}@"),
    # a password may hold what should be escaped; digits and a slash are a port and a path
    (r"://[^\s/?#@:\"'<>]{1,64}:(?!\d{1,5}[/?#])[^\s\"'<>@]{0,256}@", f"://{GONE}@"),
    (
        r"(?i)(hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/"
        r"|discord(?:app)?\.com/api/(?:v\d+/)?webhooks/|webhook\.office\.com/"
        r"|api\.telegram\.org/bot)[^\s\"'<>]+",
        rf"\1{GONE}",
    ),
)

_HEADERS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"(?i)\b(authorization:\s*(?:digest|aws4-hmac-sha256)\s)[^\r\n]+", rf"\1{GONE}"),
    (
        rf"(?i)\b(authorization\\?[\"']?\s*[:=]\s*\[?\\?[\"']?{_SCHEMES}\s+)"
        r"[^\s\"',;\]}\\]+",
        rf"\1{GONE}",
    ),
    (rf"\b(Authorization:\s*)(?!(?i:{_SCHEMES})\s)[^\s\"'<>]+", rf"\1{GONE}"),
    (r"\b((?:Set-)?Cookie:\s*\[?)[^\]\r\n\"']+", rf"\1{GONE}"),
    (r"(?i)\b(?P<before>(?:bearer|basic)\s+)(?P<value>[A-Za-z0-9._~+/=\-]{8,})", _if_opaque),
)

_NAMED: tuple[tuple[str, str, bool], ...] = (
    # what comes before a value and names it; the value; whether it must look like a token
    (
        rf"(?P<name>{_NAME})=",
        rf"\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|{_PLAIN_VALUE}",
        False,
    ),
    # "name": "value", and the same inside of another JSON text
    (rf"[\"'](?P<name>{_NAME})[\"']\s*:\s*\[?\s*\"", r"(?:[^\"\\]|\\.)+", False),
    (rf"[\"'](?P<name>{_NAME})[\"']\s*:\s*\[?\s*'", r"(?:[^'\\]|\\.)+", False),
    (
        rf"\\\"(?P<name>{_NAME})\\\"\s*:\s*\[?\s*\\\"",
        r"(?s:.+?)(?=\\\"\s*[,}\]\\]|\\\"\s*\Z|\Z)",
        False,
    ),
    # "--name", "value" and --name value
    (rf"[\"'](?P<name>--?{_NAME})[\"'],\s*[\"']", r"[^\"']+", False),
    (rf"(?<!\w)(?P<name>--{_NAME})\s+", r"[^\s\"'<>]+", True),
    # name:value as Go prints a map, and a line of YAML
    (rf"(?<![\w\"'/])(?P<name>{_NAME}):", r"(?=[^\s/:\"'\[])[^\s,}\])\"']+", False),
    (rf"(?m)^[ \t]*(?:- )?(?P<name>{_NAME}):[ \t]+", r"(?m)(?=[^\s|>])\S+(?=[ \t]*$)", False),
)

_MANIFESTS: tuple[tuple[str, str], ...] = (
    # an environment variable, as an API server or a policy quotes it: JSON, Go, YAML
    (
        r"([\"']name[\"']\s*:\s*[\"'][^\"'\\]*[\"']\s*,\s*[\"']value[\"']\s*:\s*([\"']))"
        r"(?:(?!\2)(?:\\.|[^\\]))*",
        rf"\1{GONE}",
    ),
    (
        r"(?s)(\\\"name\\\"\s*:\s*\\\"[^\"\\]*\\\"\s*,\s*\\\"value\\\"\s*:\s*\\\")"
        r".*?(?=\\\"\s*[,}\]\\]|\Z)",
        rf"\1{GONE}",
    ),
    (
        r"([\"']value[\"']\s*:\s*([\"']))(?:(?!\2)(?:\\.|[^\\]))*"
        r"(\2\s*,\s*[\"']name[\"']\s*:)",
        rf"\1{GONE}\3",
    ),
    (
        r"(?s)(\bEnvVar\{Name:[^,{}]*,\s*Value:)"
        r"(?:\"(?:[^\"\\]|\\.)*\"|.*?(?=,\s*ValueFrom:|\Z))",
        rf"\1{GONE}",
    ),
    (r"(\bmap\[name:[^\s\]]{1,256} value:)[^\]]*", rf"\1{GONE}"),
    (r"(\bname:[ \t]*\S{1,256}[ \t]*\n[ \t]*value:[ \t]*)\S[^\n]*", rf"\1{GONE}"),
    # servers before 1.23 quote the bytes around what they cannot decode
    (r"(?s)\.\.\.\|.*?\|\.\.\.", f"...|{GONE}|..."),
)
