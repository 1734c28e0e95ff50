"""Reads YAML into plain mappings, and says where it cannot.

Floor 3, but for `load_file`, which reads a file; yaml is imported when it is needed.
What YAML lets through silently is refused here, because it changes what a document says: a key
that is there twice, and a value that is repeated so often that it only serves to fill memory.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from progressive._documents.findings import Findings, Rule
from progressive._model.release import Problem

if TYPE_CHECKING:
    import yaml

_DEEPEST = 64
_MOST_NODES = 200_000
"""Of one file, repeated ones counted each time; a large document has a few thousand."""


@frozen(kw_only=True)
class Loaded:
    """
    What a file holds.

    Attributes:
        documents: The documents that are not empty, in order.
        problems: Why it cannot be read; each names file, line and column.
        lines: For each document: path → (line, column), from 1, of its keys and items.
    """

    documents: tuple[Mapping[str, Any], ...] = ()
    problems: tuple[Problem, ...] = ()
    lines: tuple[Mapping[str, tuple[int, int]], ...] = field(default=(), repr=False, hash=False)

    def line_of(self, problem: Problem) -> tuple[int, int] | None:
        """Line and column, from 1, of what a problem is about, or of what should hold it."""
        index = problem.document or 0
        if index >= len(self.lines):
            return None
        path = problem.path
        while path and path not in self.lines[index]:
            path = re.sub(r"(^|\.)[^.\[]*$|\[\d+\]$", "", path)
        return self.lines[index].get(path)


def load_file(path: str | Path, *, may_be_empty: bool = False) -> Loaded:
    """The documents of a file; a file that cannot be read is a problem, not an exception."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return _refused(f"{path}: is not text in UTF-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return _refused(f"{path}: cannot be read: {reason}")
    return load_yaml(text, name=str(path), may_be_empty=may_be_empty)


def yaml_text(document: Any) -> str:
    """A document as YAML; keys stay in their order, and long texts on one line."""
    import yaml

    # repeated parts are written out: an anchor would have to be looked up by the reader
    text: str = yaml.dump(
        document, Dumper=_plain_dumper(), sort_keys=False, allow_unicode=True, width=10**6
    )
    return text


@functools.cache
def _plain_dumper() -> type[yaml.SafeDumper]:
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return Plain


def load_yaml_file(
    path: str | Path,
) -> tuple[tuple[Mapping[str, Any], ...], tuple[Problem, ...]]:
    """The documents of a file, and why it cannot be read, for callers that need no lines."""
    loaded = load_file(path)
    return loaded.documents, loaded.problems


def load_yaml(text: str, *, name: str = "the document", may_be_empty: bool = False) -> Loaded:
    """
    The documents of a text.

    Args:
        name: Of the file, for messages.
        may_be_empty: Whether no document at all is fine.
    """
    import yaml

    try:
        nodes = [one for one in yaml.compose_all(text, Loader=yaml.SafeLoader) if one is not None]
        nodes = [one for one in nodes if not _is_nothing(one)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = _place(name, mark)
        words = error.problem or "cannot be read"
        if "\\t" in words:
            words = "a tab stands where spaces belong; YAML is indented with spaces only"
        return _refused(f"{where}: {words}")
    except yaml.YAMLError as error:
        return _refused(f"{name}: {error}")
    except RecursionError:
        return _refused(f"{name}: is nested too deep")
    if not nodes and not may_be_empty:
        return _refused(f"{name}: is empty")
    faults = [*_faults(nodes, name)]
    if faults:
        return Loaded(problems=tuple(_problem(words) for words in faults))
    return _constructed(nodes, name)


def _constructed(nodes: list[yaml.Node], name: str) -> Loaded:
    import yaml

    documents = []
    for node in nodes:
        loader = yaml.SafeLoader("")
        try:
            documents.append(loader.construct_document(node))
        except yaml.MarkedYAMLError as error:
            where = _place(name, error.problem_mark or error.context_mark)
            return _refused(f"{where}: {error.problem}")
        except (ValueError, TypeError, OverflowError) as error:
            return _refused(f"{_place(name, node.start_mark)}: a value cannot be read: {error}")
        finally:
            loader.dispose()
    lines = tuple(dict(_lines(node, "")) for node in nodes)
    return Loaded(documents=tuple(documents), lines=lines)


def _is_nothing(node: yaml.Node) -> bool:
    return node.tag == "tag:yaml.org,2002:null"


def _faults(nodes: list[yaml.Node], name: str) -> Iterator[str]:
    import yaml

    for node in nodes:
        if not isinstance(node, yaml.MappingNode):
            yield f"{_place(name, node.start_mark)}: a document must be a mapping"
            return
        if fault := _too_much(node):
            yield f"{_place(name, node.start_mark)}: {fault}"
            return
        yield from _repeated_keys(node, name)


def _too_much(root: yaml.Node) -> str | None:
    """What makes a document endless or huge, before it is walked as a whole."""
    import yaml

    @functools.cache
    def size(node_id: int, depth: int) -> int:
        if depth > _DEEPEST:
            raise RecursionError
        node = kept[node_id]
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        kept.update({id(child): child for child in children})
        return 1 + sum(size(id(child), depth + 1) for child in children)

    kept = {id(root): root}
    try:
        if size(id(root), 0) > _MOST_NODES:
            return "is too large, or repeats itself by aliases too often"
    except RecursionError:
        return f"is nested more than {_DEEPEST} levels deep, or holds itself by an alias"
    return None


def _repeated_keys(node: yaml.Node, name: str) -> Iterator[str]:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _repeated_keys(child, name)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[tuple[str, str], yaml.Mark] = {}
    for key, value in node.value:
        yield from _repeated_keys(value, name)
        if not isinstance(key, yaml.ScalarNode):
            yield f"{_place(name, key.start_mark)}: a key must be text"
            continue
        mark = key.start_mark
        assert mark is not None  # composed from a text, so every node has its place
        first = seen.setdefault((key.tag, key.value), mark)
        if first is not mark:
            words = f"the key {key.value} is there twice, first in line {first.line + 1}"
            yield f"{_place(name, mark)}: {words}"


def _lines(node: yaml.Node, path: str) -> Iterator[tuple[str, tuple[int, int]]]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = f"{path}.{key.value}" if path else str(key.value)
            yield here, _position(key)
            yield from _lines(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            here = f"{path}[{index}]"
            yield here, _position(item)
            yield from _lines(item, here)


def _position(node: yaml.Node) -> tuple[int, int]:
    mark = node.start_mark
    return (0, 0) if mark is None else (mark.line + 1, mark.column + 1)


def _place(name: str, mark: Any) -> str:
    return name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"


def _refused(words: str) -> Loaded:
    return Loaded(problems=(_problem(words),))


def _problem(words: str) -> Problem:
    findings = Findings()
    findings.error("", words, Rule.SYNTAX)
    return findings.problems[0]
