"""The commands, a module each; loaded when one is called.

Floor 5. Each reads its options, lets `_release/` or `_demo/` act, and shows what came of it.
"""
