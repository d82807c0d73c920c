"""Check a wheel as its users meet it: ``make wheel`` runs this on what it built.

The wheel must be small, carry its licences and its bill of materials, ask for no glibc newer than 2.17 (manylinux2014), install
into an empty environment with no network and no compiler, and run the first script of README there. A Lambda layer is made of it
as docs/lambda.md says, and a function run with that. ``--not-here`` leaves out the last two parts, for a wheel of another system.

    python tools/release/check_wheel.py [--not-here] dist/pydynox-0.1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
"""

from __future__ import annotations

import email
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).parent.parent.parent
#: Bytes.
MAX_SIZE = 8_000_000
MAX_GLIBC = (2, 17)
#: Parts of the platform tag, and the end of the target triple that goes with it.
PLATFORMS = {"manylinux2014": "unknown-linux-gnu", "musllinux_1_2": "unknown-linux-musl", "macosx": "apple-darwin"}
LICENCES = ("LICENSE", "THIRD-PARTY.md")
PACKAGE = ("pydynox/__init__.py", "pydynox/_core.pyi", "pydynox/py.typed", "pydynox_pytest.py")


class WheelError(Exception):
    """What is wrong with the wheel, in one line."""


def check_contents(wheel: pathlib.Path) -> None:
    """Check the name's tags, the size, the files and the licences."""
    tags = wheel.stem.split("-")[2:]
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    if tags[:2] != [python, python] or not any(platform in tags[2] for platform in PLATFORMS):
        raise WheelError(f"the tags are {'-'.join(tags)}, not {python}-{python} and one of {', '.join(PLATFORMS)}")
    if (size := wheel.stat().st_size) > MAX_SIZE:
        raise WheelError(f"{size:,} bytes are more than {MAX_SIZE:,}")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata_name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(metadata_name))
        folder = metadata_name.removesuffix("METADATA")
        for name in LICENCES:
            if name not in metadata.get_all("License-File", []) or f"{folder}licenses/{name}" not in names:
                raise WheelError(f"{name} is not among its licences")
            if archive.read(f"{folder}licenses/{name}") != (ROOT / name).read_bytes():
                raise WheelError(f"its {name} differs from the repository's")
    if not any(name.startswith(f"{folder}sboms/") and name.endswith(".cyclonedx.json") for name in names):
        raise WheelError("it has no bill of materials (sboms/*.cyclonedx.json)")
    if missing := [name for name in PACKAGE if name not in names]:
        raise WheelError(f"{', '.join(missing)} is missing")
    if strangers := sorted(name for name in names if not name.startswith(("pydynox/", "pydynox_pytest.py", folder))):
        raise WheelError(f"{', '.join(strangers)} does not belong in it")


def check_libraries(wheel: pathlib.Path) -> str:
    """Check what auditwheel finds of the C library; returns the newest version asked for."""
    command = [sys.executable, "-m", "auditwheel", "show", str(wheel)]
    report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return newest_glibc(report)


def newest_glibc(report: str) -> str:
    """The newest glibc that auditwheel's report names, if it is old enough."""
    tag = re.search(r"platform tag:\s+\"manylinux_(\d+)_(\d+)_\w+\"", report)
    if tag is None:
        raise WheelError(f"auditwheel finds no manylinux tag:\n{report}")
    versions = [tuple(map(int, pair)) for pair in re.findall(r"GLIBC_(\d+)\.(\d+)", report)]
    newest = max([*versions, (int(tag[1]), int(tag[2]))])
    if newest > MAX_GLIBC:
        raise WheelError(f"it asks for glibc {newest[0]}.{newest[1]}")
    return ".".join(map(str, max(versions, default=newest)))


def first_script() -> tuple[str, str]:
    """The first Python script of README, and what its last comment says that it prints."""
    script = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    if script is None:
        raise WheelError("README has no script")
    printed = re.findall(r"print\(.*\)  # (.*)", script[1])
    if not printed:
        raise WheelError("README does not say what its script prints")
    return script[1], printed[-1]


def check_installed(wheel: pathlib.Path) -> str:
    """Install it offline into an empty environment and use it; returns what ``--version`` prints."""
    offline: list[str | pathlib.Path] = [shutil.which("unshare") or "unshare", "--map-root-user", "--net"]
    try:
        subprocess.run([*offline, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        offline = []  # namespaces are not allowed here; the proxy below still refuses every connection
    with tempfile.TemporaryDirectory(prefix="pydynox-wheel-") as name:
        folder = pathlib.Path(name)
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
        path = str(folder / "env" / "bin")
        if found := [tool for tool in ("cc", "gcc", "cargo", "rustc", "zig") if shutil.which(tool, path=path)]:
            raise WheelError(f"{', '.join(found)} is on PATH; this would prove nothing")
        proxy = "http://127.0.0.1:9"
        environment = {"PATH": path, "HOME": name, "https_proxy": proxy, "http_proxy": proxy, "PYTHONDONTWRITEBYTECODE": "1"}

        def run(*arguments: str | pathlib.Path) -> str:
            command = [*offline, folder / "env" / "bin" / "python", *arguments]
            done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment, timeout=120)
            if done.returncode or done.stderr:
                raise WheelError(f"{' '.join(map(str, arguments))} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
            return done.stdout

        run("-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", wheel.absolute())
        script, expected = first_script()
        (folder / "first.py").write_text(script)
        if (printed := run("-W", "error", "first.py").strip()) != expected:
            raise WheelError(f"README's script printed {printed!r}, not {expected!r}")
        version = run("-m", "pydynox", "--version")
        command = subprocess.run(
            [folder / "env" / "bin" / "pydynox", "--version"], check=True, capture_output=True, env=environment
        )
        if command.stdout.decode() != version:
            raise WheelError("`pydynox --version` and `python -m pydynox --version` differ")
    target = next(triple for platform, triple in PLATFORMS.items() if platform in wheel.name)
    for line in ("profile wheel", rf"target [a-z0-9_]+-{target}"):
        if not re.search(f"^{line}$", version, re.MULTILINE):
            raise WheelError(f"--version does not say `{line}`:\n{version}")
    return version


#: What Lambda's runtime does with a function and a layer: the layer is on the path, and so little else that nothing can help.
FUNCTION = """
import sys
sys.path[:0] = sys.argv[1:]
import pydynox
from pydynox import Attr, DynamoDBClient, Model, field, partition_key, set_default_client
from pydynox.integrations import lambda_

client = DynamoDBClient(endpoint_url="memory://")
set_default_client(client)

class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    tags: Attr[set[str]] = field(default_factory=set)

User.table.sync.create()
User(user_id="u1").sync.create()

@lambda_.handler
async def handler(event, context):
    user = await User.get_or_raise(event["user_id"])
    user.tags.add(event["tag"])
    await user.save()
    return sorted(user.tags)

handler({"user_id": "u1", "tag": "a"}, None)
print(handler({"user_id": "u1", "tag": "b"}, None), pydynox.__file__)
"""


def recipe() -> str:
    """How docs/lambda.md says that a layer's folder is filled: the command of pip, with what it asks for on another machine."""
    command = re.search(
        r"^pip (install \./pydynox-\*\.whl --target .*)$", (ROOT / "docs" / "lambda.md").read_text(), re.MULTILINE
    )
    if command is None:
        raise WheelError("docs/lambda.md does not say how a layer is made")
    return command[1]


def check_layer(wheel: pathlib.Path) -> float:
    """Make a layer by the recipe in docs/lambda.md, and run a function with its zip alone; returns the megabytes of the zip."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    platform = wheel.stem.rpartition("-")[2].split(".")[0]
    command = re.sub(r"--platform \S+ --python-version \S+", f"--platform {platform} --python-version {version}", recipe())
    command = command.replace("./pydynox-*.whl", str(wheel.absolute()))
    offline = ["--quiet", "--disable-pip-version-check", "--no-index"]
    with tempfile.TemporaryDirectory(prefix="pydynox-layer-") as name:
        folder = pathlib.Path(name)
        pip = [sys.executable, "-m", "pip", *command.split(), *offline]
        done = subprocess.run(pip, check=False, capture_output=True, text=True, cwd=folder)
        if done.returncode:
            raise WheelError(f"`pip {command}` exited with {done.returncode}:\n{done.stdout}{done.stderr}")
        archive = pathlib.Path(shutil.make_archive(str(folder / "layer"), "zip", folder / "layer"))
        opt = folder / "opt"
        shutil.unpack_archive(archive, opt)
        # Isolated and without site-packages: what is imported is the layer's, or the standard library's.
        run = [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", FUNCTION, str(opt / "python")]
        done = subprocess.run(run, check=False, capture_output=True, text=True, cwd=folder, timeout=120)
        if done.returncode or done.stderr or done.stdout != f"['a', 'b'] {opt}/python/pydynox/__init__.py\n":
            raise WheelError(f"a function with the layer exited with {done.returncode}:\n{done.stdout}{done.stderr}")
        return archive.stat().st_size / 1e6


def main() -> int:
    """Check each wheel that is named."""
    is_here = "--not-here" not in sys.argv
    for name in (argument for argument in sys.argv[1:] if argument != "--not-here"):
        wheel = pathlib.Path(name)
        try:
            check_contents(wheel)
            libraries = f"glibc {check_libraries(wheel)} or later" if "manylinux" in wheel.name else "no glibc"
            version = check_installed(wheel) if is_here else ""
            layer = f", {check_layer(wheel):.1f} MB as a layer of Lambda" if is_here and "linux" in wheel.name else ""
        except WheelError as error:
            print(f"{wheel.name}: {error}", file=sys.stderr)
            return 1
        print(version, end="")
        checked = f"installs and runs offline{layer}" if is_here else "not run here"
        print(f"{wheel}\n{wheel.stat().st_size / 1e6:.1f} MB, {libraries}, {checked}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
