"""Plain Envoy: its route files, its admin page, its own counters.

Floor 4. Useful without Kubernetes and without Prometheus; `progressive demo` runs on it.
"""
