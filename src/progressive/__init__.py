"""Progressive delivery on Kubernetes: shift traffic, judge metrics, promote or roll back."""

__version__ = "0.1.0"
