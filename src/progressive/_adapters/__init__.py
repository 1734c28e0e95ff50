"""What touches the world: the Kubernetes API, metrics servers, files.

Floor 4. The only home of the heavy client libraries, each imported inside the function that
needs it; their exceptions become those of `errors.py` here. Knows nothing of `_analysis` and
`_run`: the two wings meet in `ports` and in the caller's own code.
"""
