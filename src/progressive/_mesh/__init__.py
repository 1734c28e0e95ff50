"""What meshes read and write, as pure functions: documents in, edits and queries out.

Floor 3, pure: no network, no clock, no logging.
"""
