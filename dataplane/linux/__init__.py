"""The Linux shell around the engine: devices, sockets, the loop, and the two processes that they are divided among."""

import os

# numpy's linear algebra would start a thread for each processor, which nothing here needs, and which a fork would not survive.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
