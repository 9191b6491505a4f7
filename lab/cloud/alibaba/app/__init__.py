"""Smart Access Gateway APP ("Smart Access Gateway APP", called the document below): instances, accounts, sessions.

The operations on each kind of resource have a file of their own; `lab.cloud.alibaba.Alibaba` is made of them.
"""
