"""A file for the commands."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.unit.documents.classic import classic


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The classic document."""
    place = tmp_path / "canary.yaml"
    place.write_text(yaml.safe_dump(classic()))
    return place
