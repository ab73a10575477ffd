"""How fast this server delivers, beside its peers: the same work, in the same run, for each of them.

`python -m benchmarks.delivery --help` says how to run it; docs/performance.md what the works are and what came out.
"""

from benchmarks import need

need("psutil")
