"""What became of releases: the record of one run, and those that are kept.

Floor 5. Reads journals; writes nothing.
"""
