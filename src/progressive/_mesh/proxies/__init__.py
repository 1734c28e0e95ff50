"""Ingress controllers and smaller meshes on the engine of rules: a module or two for each of them.

Floor 3, pure. Contour, Kuma, Gloo, Skipper, APISIX and Knative; each module holds the layouts of
its kinds and its codec. What they share is `services.py`, what a managed release starts with is
`making.py`, and what people would write is `made_up.py`.
"""
