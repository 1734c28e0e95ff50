"""Reads Flagger's documents: what each field means here, and where that differs.

Floor 3, pure. `fields.py` is the table of the CRD; `canary.py` reads a whole release by it.
"""
