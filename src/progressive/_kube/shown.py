"""Decides what of a manifest people may see, and what in it is a secret.

Floor 3, pure. Asked wherever manifests and patches are printed (`plan`), and where a server may
quote them (`_adapters/cluster/recent.py`). Texts have shapes of their own: `_redaction.py`.

Secrets are: the value of every environment variable; the data of a Secret or a ConfigMap; headers,
flags, annotations and driver options that are named like secrets; annotations that a container
reads as a variable; and `last-applied-configuration`, which repeats all of these. Everything else
stays, except for what looks like a secret by itself, such as a password in an address.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from progressive._redaction import concealed, names_a_secret, redacted

Path = tuple[str | int, ...]

_DATA = {"Secret": ("data", "stringData"), "ConfigMap": ("data", "binaryData")}
_LAST_APPLIED = "last-applied-configuration"
_PAIRS = ("env", "httpHeaders")
_OPTIONS = ("annotations", "set", "add", "volumeAttributes", "options", "parameters")
"""Mappings of free names: annotations, headers that a route sets, options of a volume driver."""

_COMMANDS = ("args", "command")
_ANNOTATION = re.compile(r"metadata\.annotations\['([^']+)'\]")

_ORDINARY = frozenset(
    {"true", "false", "none", "null", "info", "debug", "warn", "warning", "error", "default"}
    | {"production", "staging", "development", "test", "enabled", "disabled", "always", "never"}
    | {"auto", "json", "text", "invalid", "required", "forbidden", "denied"}
)
"""Values of variables that are words of every second message, and no secrets."""


def shown(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest as people may see it: the same shape, and a length where a secret is."""
    walk = _Walk(kind=str(manifest.get("kind", "")), read=_read_annotations(manifest))
    made: dict[str, Any] = walk.through(manifest, ())
    return made


def shown_patch(patch: Any, *, kind: str = "") -> Any:
    """
    A JSON patch or a merge patch as people may see it.

    Args:
        kind: Of the object that is patched.
    """
    walk = _Walk(kind=kind, read=_read_annotations(patch))
    if not isinstance(patch, Sequence) or isinstance(patch, str):
        return walk.through(patch, ())
    return [_operation(one, walk) for one in patch]


def secrets_of(*objects: Any) -> frozenset[str]:
    """
    Every secret in manifests and patches, as it would be quoted.

    Names, labels and images of the same objects are none, whatever a variable says: a message
    without them helps nobody. Neither are short texts, numbers and ordinary words.
    """
    found: set[str] = set()
    open_texts: set[str] = set()

    def note(secret: str) -> str:
        found.add(secret)
        return secret

    for one in objects:
        kind = str(one.get("kind", "")) if isinstance(one, Mapping) else ""
        walk = _Walk(kind=kind, read=_read_annotations(one), hide=note, texts=False)
        if isinstance(one, Mapping):
            walk.through(one, ())
        elif isinstance(one, Sequence) and not isinstance(one, str):
            for operation in one:
                _operation(operation, walk)
        open_texts |= set(_open_texts(one))
    found |= {plain for one in found if (plain := _decoded(one))}
    return frozenset(one for one in found - open_texts if _quotable(one))


@frozen(kw_only=True)
class _Walk:
    """
    One walk through a tree.

    Attributes:
        kind: Of the object.
        read: Annotations that a container reads.
        hide: Is given each secret; its answer stands in the secret's place.
        texts: Whether all other texts are looked through, too.
    """

    kind: str
    read: frozenset[str]
    hide: Callable[[str], str] = concealed
    texts: bool = True

    def through(self, value: Any, at: Path) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(value, at)
        if isinstance(value, list | tuple):
            return self._sequence(value, at)
        if isinstance(value, str) and value:
            return self._leaf(value, at)
        return value

    def _mapping(self, value: Mapping[str, Any], at: Path) -> dict[str, Any]:
        pair = len(at) >= 2 and at[-2] in _PAIRS and isinstance(value.get("value"), str)
        if pair and at[-2] == "httpHeaders" and not names_a_secret(str(value.get("name", ""))):
            return dict(value)
        return {key: self.through(one, (*at, str(key))) for key, one in value.items()}

    def _sequence(self, value: Sequence[Any], at: Path) -> list[Any]:
        made = [self.through(one, (*at, index)) for index, one in enumerate(value)]
        if not at or at[-1] not in _COMMANDS:
            return made
        for index, one in enumerate(value[1:], start=1):
            before = value[index - 1]
            flag = isinstance(before, str) and before.startswith("-") and "=" not in before
            if flag and isinstance(one, str) and one and names_a_secret(before):
                made[index] = self.hide(one)
        return made

    def _leaf(self, value: str, at: Path) -> str:
        if self._is_secret(at):
            return self.hide(value)
        if len(at) >= 2 and at[-2] in _COMMANDS:
            name, given, rest = value.partition("=")
            if given and rest and " " not in name and names_a_secret(name):
                return f"{name}={self.hide(rest)}"
        # conditions of a route are patterns, and hold no secrets of ours
        if self.texts and not {"match", "regex", "exact", "prefix"} & set(at):
            return redacted(value)
        return value

    def _is_secret(self, at: Path) -> bool:
        if at[:1] and at[0] in _DATA.get(self.kind, ()):
            return True
        if len(at) >= 3 and at[-1] == "value" and at[-3] in _PAIRS:
            return True
        if len(at) < 2 or at[-2] not in _OPTIONS:
            return False
        name = str(at[-1])
        return names_a_secret(name) or name.endswith(_LAST_APPLIED) or name in self.read


def _operation(operation: Any, walk: _Walk) -> Any:
    if not isinstance(operation, Mapping) or "value" not in operation:
        return operation
    steps = str(operation.get("path", "")).split("/")[1:]
    at: Path = tuple(
        int(step) if step.isdecimal() else step.replace("~1", "/").replace("~0", "~")
        for step in steps
    )
    return {**operation, "value": walk.through(operation["value"], at)}


def _read_annotations(value: Any) -> frozenset[str]:
    """Annotations that some container reads: `fieldRef` of a variable or of a volume."""
    return frozenset(
        found[1]
        for key, text in _leaves(value)
        if key == "fieldPath" and (found := _ANNOTATION.search(text))
    )


def _open_texts(value: Any) -> Iterator[str]:
    """Names, namespaces, images and labels."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            if key in ("name", "namespace", "image", "kind", "uid") and isinstance(one, str):
                yield one
            elif key in ("labels", "matchLabels") and isinstance(one, Mapping):
                yield from (text for text in one.values() if isinstance(text, str))
            else:
                yield from _open_texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _open_texts(one)


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _leaves(one, str(name))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one, key)
    elif isinstance(value, str):
        yield key, value


def _decoded(text: str) -> str | None:
    """What the data of a Secret says, if it is text."""
    try:
        return b64decode(text, validate=True).decode()
    except ValueError:
        return None


def _quotable(secret: str) -> bool:
    number = secret.replace(".", "").isdecimal()
    return len(secret) >= (8 if number else 4) and secret.lower() not in _ORDINARY
