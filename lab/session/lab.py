"""The lab as a scenario sees it: two clouds to configure, steps to keep to, pings to expect."""

from __future__ import annotations

from lab.session.clients import ClientExpectations
from lab.session.gateways import GatewayExpectations
from lab.session.reaching import ReachExpectations


class Lab(ReachExpectations, GatewayExpectations, ClientExpectations):
    """What a scenario is given. Configure `aws` and `alibaba` inside `step`s, then say what is to be reachable.

    `skip` are the numbers of steps to leave out; a step inside a skipped one is skipped too. Without a `backend` nothing is sent:
    every ping is recorded with 0 echoes.
    """
