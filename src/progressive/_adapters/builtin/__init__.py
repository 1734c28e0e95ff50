"""Routers whose routing objects every cluster has: Services with their pods, and Ingresses.

Floor 4. Each is the adapter of `_adapters/mesh/` with its own way of reading.
"""
