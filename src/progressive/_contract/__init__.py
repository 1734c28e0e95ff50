"""Promises that every part of one kind keeps, as suites that its author runs.

Floor 5: plain classes with test methods, for pytest or by hand; `progressive.testing` shows them.
They know the Protocols of `ports` and nothing of any mesh or metrics server.
"""
