"""Traefik: weighted TraefikServices, and IngressRoutes that hold the sides themselves.

Floor 3, pure. `codec.py` is the door; `ingressroute.py` and `traefikservice.py` know the objects.
What it shares with other proxies is in `_mesh/proxies/`.
"""
