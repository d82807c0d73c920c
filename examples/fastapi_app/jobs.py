"""What is done after the response: FastAPI runs it as a background task, and the lifespan waits for it at shutdown."""

import logging

from pydynox.exceptions import ConditionFailedError, ItemNotFoundError

from .models import Order

logger = logging.getLogger("shop")


async def confirm(customer_id: str, order_id: str) -> None:
    """Confirm a new order. It may run twice and confirms once."""
    try:
        await Order.key(customer_id=customer_id, order_id=order_id).update(
            Order.status.set("confirmed"), condition=Order.status == "new"
        )
    except (ConditionFailedError, ItemNotFoundError):
        return  # confirmed already, or canceled in the meantime
    logger.info("order %s is confirmed", order_id)
