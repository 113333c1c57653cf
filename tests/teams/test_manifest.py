"""The app package: what Teams checks when it is uploaded."""

import io
import json
import struct
import uuid
import zipfile
import zlib

import pytest

from bot.grammar import COMMANDS
from bot.teams_manifest import COMMANDS_IN_SCOPE, teams_manifest, teams_package
from deskbell.vendors.teams import TeamsConf

CONF = TeamsConf(app_id="b0700000-0000-4000-8000-00000000de5b", app_password="x", tenant="t")


@pytest.fixture
def package():
    return zipfile.ZipFile(io.BytesIO(teams_package(CONF, "https://desk.example.org/")))


def test_the_package_holds_three_files_at_its_root(package):
    assert sorted(package.namelist()) == ["color.png", "manifest.json", "outline.png"]
    assert package.testzip() is None
    assert teams_package(CONF) == teams_package(CONF), "the same again is the same"


def test_the_manifest(package):
    manifest = json.loads(package.read("manifest.json"))

    assert manifest["manifestVersion"] in manifest["$schema"]
    assert uuid.UUID(manifest["id"])
    assert manifest["bots"][0]["botId"] == CONF.app_id
    assert manifest["validDomains"] == ["desk.example.org"]
    assert manifest["developer"]["websiteUrl"] == "https://desk.example.org"
    assert len(manifest["name"]["short"]) <= 30
    assert len(manifest["description"]["short"]) <= 80
    assert {scope for lists in manifest["bots"][0]["commandLists"] for scope in lists["scopes"]} == {
        "team",
        "personal",
        "groupChat",
    }


def test_the_commands_come_from_the_table(package):
    verbs = {spec.verb for spec in COMMANDS}
    for scope in teams_manifest(CONF)["bots"][0]["commandLists"]:
        assert 0 < len(scope["commands"]) <= COMMANDS_IN_SCOPE
        assert {one["title"] for one in scope["commands"]} <= verbs
        assert all(len(one["title"]) <= 32 and len(one["description"]) <= 128 for one in scope["commands"])


def test_an_app_id_that_is_no_guid_gets_one_that_stays():
    conf = TeamsConf(app_id="my bot", app_password="x", tenant="t")
    assert uuid.UUID(teams_manifest(conf)["id"])
    assert teams_manifest(conf)["id"] == teams_manifest(conf)["id"]
    assert teams_manifest(conf)["bots"][0]["botId"] == "my bot"


@pytest.mark.parametrize(("name", "size"), [("color.png", 192), ("outline.png", 32)])
def test_the_icons_are_pictures_of_the_right_size(package, name, size):
    data = package.read(name)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (size, size)
    kind, length = data[37:41], struct.unpack(">I", data[33:37])[0]
    assert kind == b"IDAT"
    rows = zlib.decompress(data[41 : 41 + length])
    assert len(rows) == size * (size * 4 + 1)
    pixels = {rows[row * (size * 4 + 1) + 1 + column * 4 :][:4] for row in range(size) for column in range(size)}
    assert len(pixels) > 2
    if name == "outline.png":
        assert {pixel[:3] for pixel in pixels} == {b"\xff\xff\xff"}, "white and see-through, nothing else"
    else:
        assert {pixel[3] for pixel in pixels} == {255}, "nothing to see through"
