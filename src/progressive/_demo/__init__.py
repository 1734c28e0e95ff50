"""`progressive demo`: a real Envoy, a small shop in three versions, and two releases of it.

Floor 5. Nothing here is simulated but the users; it is also a worked example of the library
without Kubernetes.
"""
