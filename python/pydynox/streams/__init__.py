"""Changes of a table's items: records of streams decoded into instances, handled in order, or read without Lambda.

``@streams.handler(Order)`` makes a Lambda function of a function of one record; ``streams.decode()`` reads an event.
"""

from .handling import BatchResponse, StreamHandler, handler
from .records import Record, decode

__all__ = ["BatchResponse", "Record", "StreamHandler", "decode", "handler"]
