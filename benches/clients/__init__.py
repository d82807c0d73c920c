"""One file per client that is priced.

A file has ``connected``, an asynchronous context manager, or ``connected_sync``, or both. Each is given the URL of the null
server and yields the calls by operation (``get``, ``put``, ``query``); a call takes a number below ``data.NUMBERS``. Every
client makes one request per call, keeps its connections, signs, and hands out and takes its own kind of item.
"""
