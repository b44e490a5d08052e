"""HTTP clients of what is no load: evaluations, servers' metrics. Kept alive, behind the gate, through proxies."""
