"""One file per measured client.

A file has ``connected``, an asynchronous context manager, or ``connected_sync``, or both. Each takes the URL of the null server
and yields the calls by operation (``get``, ``put``, ``query``); a call takes a number below ``data.NUMBERS``. Every client sends
one request per call, keeps its connections open, signs, and returns and accepts its own kind of item.
"""
