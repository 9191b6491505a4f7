"""Connectivity tests for pytest: a plugin that gives tests a network, in memory or of real packets, and says why one fails.

    @pytest.mark.saglab("network.py")
    def test_the_application_reaches_its_database(assert_reaches):
        assert_reaches("app", "db", tcp=5432)

`plugin` is what pytest loads, with every run of every project that has saglab installed: it imports nothing until a test asks.
"""

from __future__ import annotations
