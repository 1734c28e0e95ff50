"""Reads release documents: Flagger's, and the native kind as far as it is fixed.

Floor 3, pure but for `files.py`, which reads a file; knows `_model/` and `errors` only.
`reading.py` is the way in. A document is checked whole: every fault is told at once, with its
path, and what this version cannot do is refused rather than left out.
"""
