"""Django, Celery and Litestar as the page shows them: its files, in processes as they are deployed."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys

import celery
import pydynox
import pytest
from pydynox import Attr, Model, field, partition_key, version
from pydynox.local import LocalServer

from tests.engines import Engine
from tests.snippets import write_named

pytestmark = pytest.mark.thorough

ROOT = pathlib.Path(__file__).parent.parent.parent


class User(Model[str], table="users"):
    """The model of the page."""

    user_id: Attr[str] = partition_key()
    name: Attr[str]
    visits: Attr[int] = field(default=0)
    version: Attr[int] = version()


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    write_named(ROOT / "docs" / "other-frameworks.md", tmp_path)
    return tmp_path


def environment_of(folder: pathlib.Path) -> dict[str, str]:
    """That of a process that finds the files of the page and the package."""
    path = os.pathsep.join([str(folder), str(pathlib.Path(pydynox.__file__).parent.parent)])
    return {**os.environ, "PYTHONPATH": path}


def python(folder: pathlib.Path, code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code],
        cwd=folder,
        env={**environment_of(folder), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


WORKER = """
import json, os
from tasks import User, celery_app

celery_app.conf.update(json.loads(os.environ["SETTINGS"]))


@celery_app.task(name="many")
def many(user_ids):
    import asyncio

    async def read():
        return [user.visits for user in await asyncio.gather(*map(User.get_or_raise, user_ids))]

    return asyncio.run(read()), asyncio.run(read()), os.getpid()


User.sync.get("u0")  # the parent has a connection before it forks
celery_app.worker_main(
    ["worker", "--pool=prefork", "--concurrency=2", "--loglevel=critical", "--without-gossip", "--without-mingle"]
)
"""


def test_workers_that_celery_forks_use_the_client_of_the_parent(folder: pathlib.Path) -> None:
    for name in ("queue", "results"):
        (folder / name).mkdir()
    app = celery.Celery("shop", set_as_current=False)
    settings = {
        "broker_url": "filesystem://",
        "broker_transport_options": {
            **{f"data_folder_{way}": f"{folder}/queue" for way in ("in", "out")},
            "control_folder": f"{folder}/control",
            "polling_interval": 0.05,
        },
        "result_backend": f"file://{folder}/results",
    }
    app.conf.update(settings)
    ids = [f"u{number}" for number in range(6)]
    with LocalServer() as server, Engine(server.endpoint_url).client().as_default():
        User.table.sync.create()
        for user_id in ids:
            User(user_id=user_id, name="Ada").sync.create()
        environment = {
            **environment_of(folder),
            "AWS_ENDPOINT_URL_DYNAMODB": server.endpoint_url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
            "C_FORCE_ROOT": "1",
            "SETTINGS": json.dumps(settings),
        }
        worker = subprocess.Popen([sys.executable, "-c", WORKER], cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        try:
            first, again = ([app.send_task("tasks.welcome", [user_id]) for user_id in ids] for _ in range(2))
            many = [app.send_task("many", [ids]) for _ in range(4)]
            welcomed = [[result.get(timeout=40, interval=0.05) for result in results] for results in (first, again)]
            read = [result.get(timeout=40, interval=0.05) for result in many]
        finally:
            worker.send_signal(signal.SIGTERM)
            status = worker.wait(20)

        visits = [user.visits for user in User.sync.scan()]

    assert [sum(pair) for pair in zip(*welcomed, strict=True)] == [1] * 6  # of the two tasks for a user, one welcomes
    assert visits == [1] * 6
    assert {len(lists[0]) for lists in read} == {6}
    assert worker.pid not in {lists[2] for lists in read}
    assert status == 0


DJANGO = """
import asyncio, threading
import django
from django.conf import settings
from django.test import AsyncClient, Client
settings.configure(ALLOWED_HOSTS=["testserver"], ROOT_URLCONF="views", MIDDLEWARE=["views.DynamoDBErrors"], SECRET_KEY="x")
django.setup()
import apps
from django.urls import path
from django.http import JsonResponse
from models import User
import views

apps.ShopConfig("shop", apps).ready()
User.table.sync.create()


async def blocked(request):
    try:
        User.sync.get("u1")
    except RuntimeError as error:
        return JsonResponse({"error": str(error)})


views.urlpatterns.append(path("blocked", blocked))


async def under_asgi():
    web = AsyncClient()
    body = {"user_id": "u1", "name": "Ada"}
    made = await asyncio.gather(*(web.post("/users", body, content_type="application/json") for _ in range(5)))
    await asyncio.gather(*(web.post("/users/u1/visit") for _ in range(20)))
    shown = await web.get("/users/u1")
    return sorted(answer.status_code for answer in made), shown.json(), (await web.get("/blocked")).json()


print(asyncio.run(under_asgi()))
statuses = []
threads = [threading.Thread(target=lambda: statuses.append(Client().post("/users/u1/visit").status_code)) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(statuses, User.sync.get_or_raise("u1").visits, Client().get("/users/u2").status_code)
"""


def test_django_serves_blocking_and_async_views_of_both_kinds(folder: pathlib.Path) -> None:
    first, second = python(folder, DJANGO, AWS_ENDPOINT_URL_DYNAMODB="memory://?latency=1").splitlines()

    assert first.startswith("([201, 409, 409, 409, 409], {'user_id': 'u1', 'name': 'Ada', 'visits': 20, ")
    assert "inside a running event loop" in first
    assert second == f"{[200] * 8} 28 404"


LITESTAR = """
import asyncio
import httpx
from models import User
from pydynox.testing import isolated_dynamodb
from service import service


async def run(number):
    transport = httpx.ASGITransport(service)
    async with service.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://app") as web:
        body = {"user_id": f"u{number}", "name": "Ada"}
        answers = await asyncio.gather(*(web.post("/users", json=body) for _ in range(5)))
        shown = await web.get(f"/users/u{number}")
        return sorted(answer.status_code for answer in answers), shown.json()["version"]


with isolated_dynamodb():
    User.table.sync.create()
    print([asyncio.run(run(number)) for number in range(3)])  # one loop after the other
"""


def test_litestar_starts_again_in_another_loop(folder: pathlib.Path) -> None:
    assert python(folder, LITESTAR) == f"{[([201, 409, 409, 409, 409], 1)] * 3}\n"
