"""Dataplanes forked from a warm parent: a process that has loaded what a dataplane needs, and shares it with all that it forks.

    supervisor ── socket ── warm parent, the agent of all ── fork, into the node's namespaces ── worker

A program that is started anew loads for a tenth of a second and keeps a dozen megabytes to itself; a fork does neither.
"""
