"""One driver a target: the Lease, its keeping, and whether its holder is alive.

Floor 4.
"""
