"""Asks a Prometheus.

Floor 4. `provider.py` answers the questions of checks; `link.py` speaks HTTP to the server.
"""
