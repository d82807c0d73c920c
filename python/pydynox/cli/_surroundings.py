"""Where the settings of a client come from: the option, the environment or the shared files that say them; never a secret."""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import NamedTuple

SHOWN = 4  # characters at each end of a key's ID


class Found(NamedTuple):
    """A setting, and who says it."""

    value: str | None
    source: str


def profile_name(option: str | None) -> str:
    """The profile in effect."""
    return option or os.environ.get("AWS_PROFILE") or "default"


def endpoint(option: str | None, profile: str | None) -> Found:
    """The endpoint that is set; none for that of the region."""
    if option is not None:
        return Found(without_password(option), "--endpoint-url")
    name = profile_name(profile)
    section = _section(name)
    ignoring = os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or section.get("ignore_configured_endpoint_urls", "")
    if ignoring.lower() == "true":
        return Found(None, "the region; configured endpoints are ignored")
    for variable in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"):
        if os.environ.get(variable):
            return Found(without_password(os.environ[variable]), variable)
    if "services" in section and (url := _of_service(section["services"])):
        return Found(without_password(url), f"services {section['services']} of profile {name}")
    if url := section.get("endpoint_url"):
        return Found(without_password(url), f"profile {name}")
    return Found(None, "the region")


def region(option: str | None, profile: str | None) -> Found:
    """The region that is set; none if only the machine may know it."""
    if option is not None:
        return Found(option, "--region")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if os.environ.get(name):
            return Found(os.environ[name], name)
    name = profile_name(profile)
    value = _section(name).get("region")
    if value:
        return Found(value, f"profile {name}")
    return Found(None, "instance metadata, if this is an instance")


def credentials(profile: str | None) -> Found:
    """The ID of the access key, shortened, where it is known without asking anyone; and the source, in the order of
    docs/credentials.md."""
    environment = os.environ
    key = environment.get("AWS_ACCESS_KEY_ID")
    if profile is None and key:
        kind = " (temporary, with a session token)" if environment.get("AWS_SESSION_TOKEN") else ""
        return Found(shortened(key), f"AWS_ACCESS_KEY_ID{kind}")
    name = profile_name(profile)
    section = _section(name)
    if section.get("aws_access_key_id"):
        return Found(shortened(section["aws_access_key_id"]), f"keys of profile {name}")
    for member, source in (
        ("role_arn", "role"),
        ("sso_session", "SSO session"),
        ("sso_start_url", "SSO"),
        ("credential_process", "credential process"),
        ("web_identity_token_file", "web identity"),
    ):
        if section.get(member):
            name_of = f" {section[member]}" if member in ("role_arn", "sso_session") else ""
            return Found(None, f"{source}{name_of} of profile {name}")
    if profile is None and environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") and environment.get("AWS_ROLE_ARN"):
        return Found(None, f"web identity, role {environment['AWS_ROLE_ARN']}")
    for variable in ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        if environment.get(variable):
            return Found(None, f"the container ({variable})")
    if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return Found(None, "nowhere: no keys, profile, web identity or container, and instance metadata is disabled")
    return Found(None, "instance metadata, since nothing else is set")


def shortened(key: str) -> str:
    """The ID of a key, enough to tell it from others."""
    return f"{key[:SHOWN]}...{key[-SHOWN:]}" if len(key) > 2 * SHOWN else "set"


def without_password(url: str) -> str:
    """A URL without the user and password that it may contain."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + mark + host.rpartition("@")[2] + slash + path


def _of_service(services: str) -> str | None:
    """The endpoint of DynamoDB in a section of services, whose members have members of their own on the lines below them."""
    members = _members(("AWS_CONFIG_FILE", "~/.aws/config", f"services {services}")).get("dynamodb", "")
    nested = dict(line.split("=", 1) for line in members.splitlines() if "=" in line)
    return next((url.strip() for name, url in nested.items() if name.strip() == "endpoint_url"), None)


def _section(name: str) -> dict[str, str]:
    """A profile of the shared files; of both, the credentials file's keys count."""
    return _members(
        ("AWS_CONFIG_FILE", "~/.aws/config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", name),
    )


def _members(*sections: tuple[str, str, str]) -> dict[str, str]:
    """The members of sections, each by the variable of its file, the usual place of it, and its name."""
    members: dict[str, str] = {}
    for variable, default, section in sections:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(Path(os.environ.get(variable) or default).expanduser(), encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # the client itself says what is wrong with it
        if parser.has_section(section):
            members |= dict(parser.items(section))
    return members
