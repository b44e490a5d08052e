"""The plan of a run: what is to be done now, given what is there. Pure, and the same from whichever state it starts.

Level-triggered: it never remembers what it asked for, it looks at what is. The first thing that changes anything ends
the list, because after it the world has to be looked at again. Every path either ends the run, waits until a moment
that it names, or waits for something that Kubernetes will report. No I/O, no clock.
"""

from evalkube_operator.plan.deciding import next_actions
from evalkube_operator.plan.plan_input import PlanInput

__all__ = ["PlanInput", "next_actions"]
