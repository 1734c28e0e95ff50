"""What a release would do, before it does: `plan`, and the writes of a dry run.

Floor 5. Both let the real adapters act on a copy of the cluster (`rehearsal.py`).
"""
