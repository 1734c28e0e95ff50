"""Who answers questions about traffic.

Floor 3.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from progressive._model.checks import Question, Sample


@runtime_checkable
class MetricsProvider(Protocol):
    """Answers questions about traffic."""

    def sample(self, question: Question) -> Sample:
        """
        One number, or a sample that says why there is none.

        Raises:
            MetricsError: The server refused, or cannot be asked.
        """
