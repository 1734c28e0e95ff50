"""Ingress controllers and smaller meshes on the engine of rules: one module for each of them.

Floor 3, pure. Contour, Traefik, Kuma, Gloo, Skipper, APISIX and Knative; each module holds the
layouts of its kinds and its codec. What they share is `services.py` and `texts.py`, and what a
managed release starts with is `making.py`.
"""
