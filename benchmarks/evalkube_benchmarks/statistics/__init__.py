"""Statistics of scores that need the answers themselves: repeats, early ends, pairs of runs. Pure, no data is read here.

The intervals of a result's scores are the contract's (`evalkube_crds.score_intervals`): whoever shows a result has them.
"""
