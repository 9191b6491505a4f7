"""Who reaches whom in a whole network, and what changes between two: the question before every change.

    compare(State(before), State(after)).changes

Machines that nothing can tell apart are asked once (`classes`), and so are packets (`kinds`); what cannot have changed is not
asked again (`sameness`). Stands on simulation and explanation.
"""

from __future__ import annotations

from lab.reachability.difference import Change, Difference, Reason, compare
from lab.reachability.kinds import Kind, in_words

__all__ = ["Change", "Difference", "Kind", "Reason", "compare", "in_words"]
