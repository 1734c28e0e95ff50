"""ingress-nginx: a second Ingress takes a share of the first one's paths.

Floor 3, pure. `ingresses.py` finds and makes the two, `annotations.py` reads and plans the words
that the controller goes by, `matching.py` puts a match into them, `codec.py` answers for all.
"""
