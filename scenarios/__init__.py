"""What the documents say, step by step. Each module is one scenario: `saglab run NAME`, or `python -m scenarios.NAME`."""
