"""The examples run as they would be deployed: a web service, a Lambda function and a script, on engines that need no account."""

from __future__ import annotations

import asyncio
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

EXAMPLES = pathlib.Path(__file__).parent.parent.parent / "examples"
ADA = {"user_id": "u1", "name": "Ada", "age": 36, "tags": []}


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
def app(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The app on an engine that answers at once, and on one that makes calls wait."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", request.param)
    return example("fastapi_app").app


@pytest.fixture
async def web(app: Any) -> Any:
    """A client of the app, which is started and stopped around the test."""
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        yield client


async def test_a_model_is_the_body_of_requests_and_answers(web: httpx.AsyncClient) -> None:
    made = await web.post("/users", json={"user_id": "u1", "name": "Ada", "age": 36})
    read = await web.get("/users/u1")
    changed = await web.patch("/users/u1", json={"tags": ["admin", "admin"]})
    removed = await web.delete("/users/u1")

    assert (made.status_code, made.json()) == (201, ADA)
    assert (read.status_code, read.json()) == (200, ADA)
    assert (changed.status_code, changed.json()) == (200, {**ADA, "tags": ["admin"]})
    assert (removed.status_code, removed.content) == (204, b"")


async def test_a_key_that_is_taken_is_a_409_and_one_that_is_not_there_a_404(web: httpx.AsyncClient) -> None:
    await web.post("/users", json=ADA)

    again = await web.post("/users", json={**ADA, "name": "Grace"})
    missing = [await web.get("/users/u2"), await web.patch("/users/u2", json={"age": 1})]

    assert again.status_code == 409
    assert [answer.status_code for answer in missing] == [404, 404]
    assert (await web.get("/users/u1")).json() == ADA


@pytest.mark.parametrize(
    ("body", "locations"),
    [
        ({"user_id": "u1"}, [["body", "name"]]),
        ({"user_id": 1, "name": "Ada", "age": "many"}, [["body", "user_id"], ["body", "age"]]),
        ({"user_id": "u1", "name": "Ada", "tags": ["a", 1]}, [["body", "tags", 1]]),
        ({"user_id": "u1", "name": "Ada", "emial": "a@example.com"}, [["body", "emial"]]),
        ({"user_id": "", "name": "Ada"}, [["body"]]),
    ],
)
async def test_a_bad_body_is_a_422_that_says_where(web: httpx.AsyncClient, body: Any, locations: list[Any]) -> None:
    answer = await web.post("/users", json=body)

    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == locations


async def test_what_passes_fastapi_and_not_the_model_is_a_422_too(web: httpx.AsyncClient) -> None:
    await web.post("/users", json=ADA)

    long = await web.get(f"/users/{'x' * 3000}")
    nameless = await web.patch("/users/u1", json={"name": None})

    assert (long.status_code, long.json()) == (
        422,
        {"detail": "User.user_id has 3000 bytes; a key of this kind can have at most 2048"},
    )
    assert (nameless.status_code, nameless.json()) == (422, {"detail": "User.name must be str, not NoneType"})
    assert (await web.get("/users/u1")).json() == ADA


async def test_of_many_who_create_the_same_user_at_the_same_time_one_succeeds(web: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(web.post("/users", json={**ADA, "age": age}) for age in range(20)))

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] + [409] * 19


async def test_the_schema_of_the_app_names_the_attributes(web: httpx.AsyncClient) -> None:
    schemas = (await web.get("/openapi.json")).json()["components"]["schemas"]

    assert list(schemas["User"]["properties"]) == ["user_id", "name", "age", "tags"]
    assert schemas["User"]["required"] == ["user_id", "name"]


@contextmanager
def uvicorn() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The app in a process of its own; gives the process and its address once it answers."""
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "--port", "0", "fastapi_app:app"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        else:
            pytest.fail(f"uvicorn did not start: {''.join(said)}")
        yield process, found[0]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


async def test_uvicorn_serves_the_app_and_ends_it_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "memory://?latency=1")
    with uvicorn() as (process, url):
        async with httpx.AsyncClient(base_url=url, timeout=20) as web:
            made = await asyncio.gather(*(web.post("/users", json={**ADA, "user_id": f"u{n}"}) for n in range(20)))
            read = await asyncio.gather(*(web.get(f"/users/u{n}") for n in range(21)))
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.to_thread(process.communicate, timeout=20)

        assert [answer.status_code for answer in made] == [201] * 20
        assert [answer.status_code for answer in read] == [200] * 20 + [404]
        assert "Application shutdown complete." in log
        assert "Traceback" not in log
        assert process.returncode in (0, -signal.SIGTERM)  # uvicorn ends itself with the signal that asked it to


def test_the_tests_of_the_app_pass_and_reach_nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "-c",
        os.devnull,
        str(EXAMPLES),
    ]

    done = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "2 passed" in done.stdout


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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
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
