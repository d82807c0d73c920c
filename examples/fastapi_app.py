"""A web service whose request and response bodies are models. Run it with ``uvicorn --app-dir examples fastapi_app:app``."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from pydynox import Attr, DynamoDBClient, Model, field, partition_key, set_default_client
from pydynox.exceptions import (
    ConditionFailedError,
    CursorError,
    ItemNotFoundError,
    ItemTooLargeError,
    PydynoxError,
    TransactionConflictError,
    TransactionTokenReusedError,
    ValidationError,
)


class User(Model[str], table="users"):
    """A user: the stored item, the request body and the response."""

    user_id: Attr[str] = partition_key()
    name: Attr[str]
    age: Attr[int] = field(default=0)
    tags: Attr[set[str]] = field(default_factory=set)


class Changes(BaseModel):
    """The attributes that a PATCH may change; those it leaves out stay the same."""

    name: str | None = None
    age: int | None = None
    tags: set[str] | None = None


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
    """One client for the app. Region, credentials and endpoint come from the environment."""
    async with DynamoDBClient(timeout=5) as client:
        set_default_client(client)
        if not await User.table.exists():  # on AWS the deployment creates tables; memory:// starts without any
            await User.table.create()
        yield
        set_default_client(None)


app = FastAPI(lifespan=lifespan)


STATUS = {
    ValidationError: 422,  # accepted by FastAPI but not by DynamoDB, such as a key of 3,000 bytes in the path
    CursorError: 400,
    ItemNotFoundError: 404,
    ConditionFailedError: 409,
    TransactionConflictError: 409,
    TransactionTokenReusedError: 409,
    ItemTooLargeError: 413,
}


@app.exception_handler(PydynoxError)
async def failed(_request: Request, error: PydynoxError) -> JSONResponse:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), None)
    if status is not None and not error.retryable:
        return JSONResponse({"detail": str(error)}, status_code=status)
    if error.retryable:
        return JSONResponse({"detail": "try again later"}, status_code=503, headers={"Retry-After": "1"})
    raise error  # a bug in the app or its configuration: a 500 and a line in the log


@app.post("/users", status_code=201, response_model=User)
async def add(user: User) -> User:
    await user.create()
    return user


@app.get("/users/{user_id}", response_model=User)
async def read(user_id: str) -> User:
    return await User.get_or_raise(user_id)


@app.patch("/users/{user_id}", response_model=User)
async def change(user_id: str, changes: Changes) -> User:
    user = await User.get_or_raise(user_id)
    for name, value in changes.model_dump(exclude_unset=True).items():
        setattr(user, name, value)
    await user.save()  # sends only the differences, and nothing if there are none
    return user


@app.delete("/users/{user_id}", status_code=204)
async def remove(user_id: str) -> None:
    await User.key(user_id).delete()
