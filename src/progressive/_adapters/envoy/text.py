"""Changes single numbers of a JSON or YAML text, and not one byte beside them.

Floor 4, for it needs the YAML parser. Comments, key order and layout of a route file belong to
its owner, so the text is never written anew from its values: the place of each number is
looked up and only the number replaced.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from progressive._mesh.envoy import Path
from progressive.errors import InvalidRequest, Unsupported

if TYPE_CHECKING:
    import yaml


def parse(text: str, name: str) -> Any:
    """
    The plain values of a document.

    Args:
        name: File name; ``.json`` is read as JSON, everything else as YAML, as Envoy does.

    Raises:
        InvalidRequest: It cannot be parsed, with the parser's words.
    """
    if not name.endswith(".json"):
        return _yaml_values(text, name)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{name} cannot be read: {error}") from error


def _yaml_values(text: str, name: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InvalidRequest(f"{name} cannot be read: {error}") from error


def replaced(text: str, name: str, numbers: Mapping[Path, int]) -> str:
    """
    The text with other numbers in some places.

    Raises:
        InvalidRequest: A place does not exist, or is no single value.
        Unsupported: A place is part of a YAML anchor, so the number would change elsewhere too.
    """
    root = _composed(text, name)
    counts = _uses(root)
    places = sorted(
        (*_place(root, path, name, counts), number) for path, number in numbers.items()
    )
    pieces, end = [], 0
    for start, stop, number in places:
        pieces += [text[end:start], str(number)]
        end = stop
    changed = "".join((*pieces, text[end:]))
    _prove(text, changed, name, numbers)
    return changed


def _composed(text: str, name: str) -> yaml.Node:
    import yaml

    # raw tabs in JSON are white space, which YAML's own parser refuses; lengths must not change
    source = text.replace("\t", " ") if name.endswith(".json") else text
    try:
        root = yaml.compose(source, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidRequest(f"{name} cannot be read: {error}") from error
    if root is None:
        raise InvalidRequest(f"{name} is empty")
    return root


def _uses(root: yaml.Node) -> Counter[int]:
    # an alias composes to the very node of its anchor, which is then reached more than once
    import yaml

    seen: Counter[int] = Counter()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        seen[id(node)] += 1
        if seen[id(node)] > 1:
            continue
        if isinstance(node, yaml.MappingNode):
            waiting += [child for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return seen


def _place(root: yaml.Node, path: Path, name: str, counts: Counter[int]) -> tuple[int, int]:
    import yaml

    node = root
    for key in path:
        found: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            # of a key that is there twice the last counts, as it does for Envoy
            found = next((v for k, v in reversed(node.value) if k.value == key), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            found = node.value[key] if key < len(node.value) else None
        if found is None:
            raise InvalidRequest(f"{name}: {_words(path)} is not written there")
        if counts[id(found)] > 1:
            raise Unsupported(
                f"{name}: {_words(path)} is shared by a YAML anchor; write it out where it is "
                "used, so that one number can change alone"
            )
        node = found
    if not isinstance(node, yaml.ScalarNode):
        raise InvalidRequest(f"{name}: {_words(path)} is not a number")
    return node.start_mark.index, node.end_mark.index


def _prove(text: str, changed: str, name: str, numbers: Mapping[Path, int]) -> None:
    wanted = parse(text, name)
    for path, number in numbers.items():
        at = wanted
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = number
    if parse(changed, name) != wanted:
        raise InvalidRequest(f"{name}: its layout is one that cannot be edited in place")


def _words(path: Path) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
