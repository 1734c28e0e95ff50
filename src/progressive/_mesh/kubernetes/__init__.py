"""Plain Kubernetes: traffic is moved by Services and pods alone, without a mesh.

Floor 3, pure. `services.py` decides which of two ways a release goes, `pods.py` counts and plans
replicas, `codec.py` answers for both.
"""
