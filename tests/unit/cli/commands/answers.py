"""The one document that a command answers with."""

from __future__ import annotations

import json
from typing import Any

from click.testing import Result


def told(result: Result) -> dict[str, Any]:
    """The one JSON document of standard output; nothing broke on the way."""
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer
