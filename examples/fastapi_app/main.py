"""The routes."""

import os
import secrets
from base64 import b64decode
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from pydynox import DynamoDBClient, get_default_client
from pydynox.integrations.fastapi import (
    ETag,
    JSONLines,
    Page,
    Paging,
    Patch,
    install_errors,
    lifespan,
    paging,
    responses,
)

from .jobs import confirm
from .models import Customer, CustomerView, Order, OrderView, Token, digest_of


def make_client() -> DynamoDBClient:
    """The app's client, made at startup. Region, credentials and endpoint come from the environment."""
    key = os.environ.get("CURSOR_KEY")  # 32 bytes in base64, the same in all workers
    return DynamoDBClient(timeout=5, cursor_keys=[b64decode(key) if key else secrets.token_bytes(32)])


# Without `tables=` where a deployment creates the table.
app = FastAPI(title="Shop", lifespan=lifespan(make_client, tables=[Customer, Order, Token]))
install_errors(app)


async def current_customer_id(bearer: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> str:
    token = await Token.by_digest.query(digest_of(bearer.credentials)).first()
    if token is None:
        raise HTTPException(401, "The token is unknown or has expired.", {"WWW-Authenticate": "Bearer"})
    return token.customer_id


CustomerId = Annotated[str, Depends(current_customer_id)]
IfMatch = Annotated[ETag, Depends(ETag.required)]
Pages = Annotated[Paging, Depends(paging(rows=20, most=100, audience=current_customer_id))]


class NewCustomer(BaseModel):
    name: str
    email: str | None = None


class Welcome(BaseModel):
    customer: CustomerView
    token: str


class NewOrder(BaseModel):
    total: int
    note: str | None = None


@app.post("/customers", status_code=201, responses=responses(422))
async def register(new: NewCustomer) -> Welcome:
    """Create a customer and its first token, both or neither."""
    customer = Customer(**new.model_dump())
    token, text = Token.issue(customer)
    async with get_default_client().transaction() as tx:
        tx.create(customer)
        tx.create(token)
    return Welcome(customer=customer, token=text)


@app.get("/customer", responses=responses(304))
async def profile(customer_id: CustomerId, etag: Annotated[ETag, Depends()]) -> CustomerView:
    return etag.send(await Customer.get_or_raise(customer_id=customer_id))


@app.patch("/customer", responses=responses(412, 428))
async def change_profile(customer_id: CustomerId, patch: Patch[Customer], etag: IfMatch) -> CustomerView:
    """Change what the body names, if the customer is still as it was read."""
    customer = await Customer.get_or_raise(customer_id=customer_id)
    etag.check(customer)
    customer.model_apply(patch)
    await customer.save()  # sends only the differences, and nothing if there are none
    return etag.send(customer)


@app.post("/orders", status_code=201)
async def place(new: NewOrder, customer_id: CustomerId, tasks: BackgroundTasks) -> OrderView:
    order = Order(customer_id=customer_id, **new.model_dump())
    await order.create()
    tasks.add_task(confirm, customer_id, order.order_id)
    return order


@app.get("/orders", responses=responses(400))
async def orders(customer_id: CustomerId, pages: Pages) -> Page[OrderView]:
    """The orders, the latest first. A cursor of one customer is refused to another."""
    return await pages.read(Order.query(customer_id=customer_id).descending())


@app.get("/orders.jsonl", response_class=JSONLines)
async def export(customer_id: CustomerId) -> JSONLines[OrderView]:
    return JSONLines(Order.query(customer_id=customer_id))


@app.get("/orders/{order_id}", responses=responses(304, 404))
async def order(order_id: str, customer_id: CustomerId, etag: Annotated[ETag, Depends()]) -> OrderView:
    return etag.send(await Order.get_or_raise(customer_id=customer_id, order_id=order_id))


@app.delete("/orders/{order_id}", status_code=204, responses=responses(412))
async def cancel(order_id: str, customer_id: CustomerId, etag: Annotated[ETag, Depends()]) -> None:
    await Order.key(customer_id=customer_id, order_id=order_id).delete(condition=etag.condition(Order))
