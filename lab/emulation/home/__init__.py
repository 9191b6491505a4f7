"""The controller of a network and the devices that phone home to it: two processes for all of a lab, and who speaks to them.

    lab ── controller   (python -m lab.emulation.home)
                └────── callers, forked from it before it loads what only a controller needs
"""
