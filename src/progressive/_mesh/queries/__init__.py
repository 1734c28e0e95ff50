"""What a mesh's metrics say about a side: success rate, latency, share and request count.

Floor 3, pure. `known.py` lists the dialects, one small module each; `dialect.py` says what a
dialect is, `reading.py` judges raw series, and `promql.py` writes the same question for people.
Asked by `_adapters/prometheus/provider.py`.
"""
