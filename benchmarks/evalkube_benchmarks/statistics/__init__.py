"""Statistics of scores that need the answers themselves: repeats, early ends, pairs of runs. Pure.

The intervals of a result's scores are the contract's (`evalkube_crds.score_intervals`): who shows a result has them.
"""
