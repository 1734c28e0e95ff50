"""Istio's VirtualService: which rules carry a release, and how their weights are edited.

Floor 3, pure. `codec.py` is the door; `hosts.py` compares names, `rules.py` finds rules,
`edits.py` plans patches, `make.py` writes the VirtualService that a release starts with.
"""
