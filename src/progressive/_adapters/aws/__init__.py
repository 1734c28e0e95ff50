"""App Mesh where no controller runs: routes that AWS alone keeps.

Floor 4. `router.py` moves weights; `calls.py` speaks to AWS, and alone loads its client.
"""
