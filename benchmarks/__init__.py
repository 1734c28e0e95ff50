"""What the library costs, as counts and ratios: `python -m benchmarks` prints a table.

Each module measures one thing and says what it is compared with; `figures.py` has the shapes.
"""
