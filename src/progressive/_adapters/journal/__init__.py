"""Where journals and people's decisions are kept: in the cluster, or in a folder.

Floor 4.
"""
