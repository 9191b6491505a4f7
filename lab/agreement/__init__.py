"""Simulation and emulation side by side: the same network, the same packets, and whether both say the same of them.

It stands above both backends. `lab.agreement.states` and what uses it need Hypothesis, which comes with saglab's test extra.
"""
