"""Statistics of scores that need the answers themselves: repeats, early ends, pairs of runs. Pure.

The intervals of a result's scores are in the contract (`evalkube_crds.score_intervals`), because all that show a result
need them.
"""
