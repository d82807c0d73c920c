"""The examples run as they would be deployed: a web service, a Lambda function and a script, on engines that need no account."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import pathlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import httpx
import pytest
from pydynox import DynamoDBClient, set_default_client

from tests.engines import Engine

pytestmark = pytest.mark.thorough

EXAMPLES = pathlib.Path(__file__).parent.parent.parent / "examples"


@pytest.fixture(autouse=True)
def forget_the_default_client() -> Iterator[None]:
    yield
    set_default_client(None)


def example(name: str) -> ModuleType:
    """The example as a module of its own; imported in the environment of now."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where annotations are looked up
    spec.loader.exec_module(module)
    return module


def use(patch: pytest.MonkeyPatch, engine: Engine) -> None:
    """What a deployment sets."""
    patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", engine.url)
    patch.setenv("AWS_REGION", "us-east-1")
    patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")


# The web service


@pytest.fixture(params=["memory://", "memory://?latency=1"])
async def web(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the app, which is started and stopped around the test: on an engine that answers at once, and on one that
    makes calls wait."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", request.param)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    app = importlib.import_module("fastapi_app").app
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        yield client


async def register(web: httpx.AsyncClient) -> dict[str, str]:
    """A new customer; returns the headers that it sends from then on."""
    welcome = await web.post("/customers", json={"name": "Ada"})
    assert welcome.status_code == 201, welcome.text
    return {"Authorization": f"Bearer {welcome.json()['token']}"}


async def test_of_many_who_change_a_profile_at_the_same_time_one_succeeds(web: httpx.AsyncClient) -> None:
    ada = await register(web)
    tag = (await web.get("/customer", headers=ada)).headers["etag"]

    answers = await asyncio.gather(
        *(web.patch("/customer", json={"email": f"{n}@b.c"}, headers={**ada, "If-Match": tag}) for n in range(20))
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19


@pytest.mark.parametrize(
    ("body", "locations"),
    [
        ({"total": "many"}, [["body", "total"]]),
        ({}, [["body", "total"]]),
        ({"total": -1}, [["item", "total"]]),
        ({"total": 1, "note": "x" * 501}, [["item", "note"]]),
    ],
)
async def test_a_bad_body_is_a_422_that_says_where(web: httpx.AsyncClient, body: Any, locations: list[Any]) -> None:
    answer = await web.post("/orders", json=body, headers=await register(web))

    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == locations


async def test_the_schema_of_the_app_names_what_is_shown_and_no_key(web: httpx.AsyncClient) -> None:
    schema = (await web.get("/openapi.json")).json()
    schemas = schema["components"]["schemas"]

    assert set(schema["paths"]) == {"/customers", "/customer", "/orders", "/orders.jsonl", "/orders/{order_id}"}
    assert list(schemas["OrderView"]["properties"]) == ["order_id", "total", "note", "status", "created", "version"]
    assert list(schemas["CustomerPatch"]["properties"]) == ["name", "email"]
    assert schemas["Page_OrderView_"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/OrderView"}
    assert not any(key in one.get("properties", {}) for one in schemas.values() for key in ("pk", "sk", "digest"))


@contextmanager
def uvicorn() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The app in a process of its own; gives the process and its address once it answers."""
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "--port", "0", "fastapi_app:app"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if address := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        else:
            pytest.fail(f"uvicorn did not start: {''.join(lines)}")
        yield process, address[0]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


async def test_uvicorn_ends_the_requests_in_flight_and_their_jobs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"file://{tmp_path}/shop.db?latency=100")
    with uvicorn() as (process, url):
        async with httpx.AsyncClient(base_url=url, timeout=20) as web:
            ada = await register(web)
            assert (await web.get("/orders", headers=ada)).json()["items"] == []
            placed = [asyncio.create_task(web.post("/orders", json={"total": n}, headers=ada)) for n in range(3)]
            await asyncio.sleep(0.15)  # each looks its token up, creates the order and, after the response, confirms it
            process.send_signal(signal.SIGTERM)
            answers = await asyncio.gather(*placed)
        _, log = await asyncio.to_thread(process.communicate, timeout=20)

    assert [answer.status_code for answer in answers] == [201] * 3
    assert "Application shutdown complete." in log
    assert "Traceback" not in log
    assert process.returncode in (0, -signal.SIGTERM)  # uvicorn ends itself with the signal that asked it to
    async with DynamoDBClient(endpoint_url=f"file://{tmp_path}/shop.db") as client:
        items = await client.scan("shop").all()
    assert sorted((item["total"], item["status"]) for item in items if item["_type"] == "order") == [
        (0, "confirmed"), (1, "confirmed"), (2, "confirmed"),
    ]  # fmt: skip


def test_the_tests_of_the_app_pass_and_reach_nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # the plugins of an environment take seconds to load
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        str(EXAMPLES / "fastapi_app"),
    ]

    done = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, timeout=300, check=False)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "4 passed" in done.stdout


# The Lambda function


def three_users(module: ModuleType) -> None:
    module.User.table.sync.create()
    for number in range(3):
        module.User(user_id=f"u{number}", name="Ada").sync.create()


@pytest.mark.parametrize("url", ["memory://", "memory://?latency=1"])
def test_a_lambda_function_serves_one_event_after_the_other(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
    module = example("lambda_handler")
    three_users(module)

    answers = [module.handler({"user_ids": ["u0", "u9", "u2"], "tag": f"t{number}"}, None) for number in range(5)]

    assert answers == [{"tagged": ["u0", "u2"], "missing": ["u9"]}] * 5
    assert module.User.sync.get_or_raise("u0").tags == {"t0", "t1", "t2", "t3", "t4"}
    assert module.User.sync.get_or_raise("u1").tags == set()


@pytest.mark.engines("moto")
def test_a_lambda_function_works_over_http(monkeypatch: pytest.MonkeyPatch, engine: Engine, client: DynamoDBClient) -> None:
    use(monkeypatch, engine)
    module = example("lambda_handler")
    three_users(module)

    answers = [module.handler({"user_ids": ["u0", "u1", "u2"], "tag": f"t{number}"}, None) for number in range(3)]

    assert [answer["missing"] for answer in answers] == [[], [], []]
    assert client.sync.get_item("users", {"user_id": "u1"}) == {"user_id": "u1", "name": "Ada", "tags": {"t0", "t1", "t2"}}


def test_importing_the_lambda_function_does_no_io(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")

    example("lambda_handler")


# The script


def run_script(csv: pathlib.Path, *rows: str) -> list[str]:
    """What the script prints; and no event loop had anything to do with it."""
    csv.write_text("\n".join(["user_id,name,age", *rows]) + "\n")
    code = f"""
import runpy, sys
sys.argv[1:] = [{str(csv)!r}]
runpy.run_path({str(EXAMPLES / "script.py")!r}, run_name="__main__")
print("asyncio" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    *said, asyncio_is_loaded = done.stdout.splitlines()
    assert asyncio_is_loaded == "False"
    return said


def runs_thrice(csv: pathlib.Path) -> None:
    first = run_script(csv, "u1,Ada,36", "u2,Grace,40")
    second = run_script(csv, "u1,Ada,37", "u2,Grace,40")
    third = run_script(csv, "u1,Ada Lovelace,38")

    assert first == ["u1 created", "u2 created"]
    assert second == ["u1 changed age", "u2 unchanged"]
    assert third == ["u1 changed name, age"]


def test_a_script_works_on_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"file://{tmp_path}/items.db")

    runs_thrice(tmp_path / "users.csv")


@pytest.mark.usefixtures("client")
@pytest.mark.engines("moto")
def test_a_script_works_over_http(monkeypatch: pytest.MonkeyPatch, engine: Engine, tmp_path: pathlib.Path) -> None:
    use(monkeypatch, engine)

    runs_thrice(tmp_path / "users.csv")


def test_a_script_waits_without_an_event_loop_too(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "memory://?latency=1")

    assert run_script(tmp_path / "users.csv", "u1,Ada,36", "u1,Ada,36") == ["u1 created", "u1 unchanged"]
