"""The parts of the memory cluster: what an API server does between a request and its store.

Floor 4, pure but for threads that wait; `memory.py` beside this folder puts them together.
"""
