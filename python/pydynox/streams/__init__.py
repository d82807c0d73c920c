"""Changes of a table's items: records of streams decoded into instances, handled in order, or read without Lambda.

``@streams.handler(Order)`` makes a Lambda function of a function of one record; ``streams.decode()`` reads an event;
``streams.consume()`` reads a table's stream; ``streams.outbox_handler()`` publishes the events of an outbox.
"""

from .consuming import Checkpoint, StreamReader, consume
from .handling import BatchResponse, StreamHandler, handler
from .outbox import outbox_handler
from .records import Record, decode

__all__ = [
    "BatchResponse",
    "Checkpoint",
    "Record",
    "StreamHandler",
    "StreamReader",
    "consume",
    "decode",
    "handler",
    "outbox_handler",
]
