"""Says whether a text is the address of a server, without ever repeating its secrets.

Floor 3, pure.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from progressive._redaction import private_part


def fault_of_address(text: str) -> str | None:
    """What is wrong with an address, in words that do not show it; None: nothing."""
    if (private := private_part(text)) is not None:
        # first: a password that is not escaped would turn up as a port or a path
        return (
            f"holds {private}, which would end in logs; give credentials in "
            "PROGRESSIVE_METRICS_TOKEN, or PROGRESSIVE_METRICS_USERNAME and "
            "PROGRESSIVE_METRICS_PASSWORD instead"
        )
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no address; write one such as http://prometheus:9090"
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in text):
        return "is no address; write one such as http://prometheus:9090"
    return None
