"""What the libraries below say when a connection fails, as people say it.

Floor 4. Asked by the links to API servers and metrics servers.
"""

from __future__ import annotations

import re


def innermost(error: BaseException) -> str:
    """The words of the error that is at the bottom of a chain of urllib3's and requests'."""
    inner: BaseException = error
    for _ in range(5):
        nested = getattr(inner, "reason", None) or (inner.args[-1] if inner.args else None)
        if not isinstance(nested, BaseException):
            break
        inner = nested
    words = " ".join(str(inner).split()) or type(inner).__name__
    # urllib3 puts its own object in front: "HTTPSConnection(host=…, port=…): Failed to …"
    return re.sub(r"^<?[\w.]*HTTPS?Connection.*?[)>]: ", "", words)
