"""What the memory cluster keeps of the writes that it accepted.

Floor 4, but pure.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen


@frozen(kw_only=True)
class Write:
    """
    A write that was accepted.

    Attributes:
        verb: ``create``, ``patch``, ``update`` or ``delete``.
        path: Of the object; of the collection for ``create``.
        body: As it was sent: a list for a JSON patch; None for ``delete``.
        changed: Whether the object is another one now.
    """

    verb: str
    path: str
    body: Any
    changed: bool
