"""One routing write by a person: worked out on a file, or carried out on a cluster.

Floor 5. `order.py` reads what the document wants, `offline.py` and `live.py` bring it about with
the adapter of the router, `answer.py` says what came of it.
"""
