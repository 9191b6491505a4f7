"""For teachers and students: drills, in which a network that worked is broken, and tours, which walk through a document.

`faults` is the table of what may be broken, `drill` chooses from it by a seed and judges the repair, `tour` tells a scenario step
by step. Drills are applied to clouds in memory and to labs that are up alike.
"""

from __future__ import annotations
