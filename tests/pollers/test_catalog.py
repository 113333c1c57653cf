"""The list of sources, and the small parts they share."""

import subprocess
import sys
from typing import get_args

import pytest

from deskbell.core.ports import Source, SourceError, SourceFault
from deskbell.core.records import KINDS as RECORDS
from pollers import catalog
from pollers.names import ASK_AGAIN, KEEP, Names

NOT_OVER_HTTP = {"sql", "ical"}  # or at as many addresses as it has feeds


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_each_row_leads_to_a_source_and_its_configuration(kind):
    row = catalog.KINDS[kind]
    conf, source = row.load_conf(), row.load()
    fields = set(conf.__dataclass_fields__)
    assert {"name", "title", "interval", "writeback"} <= fields
    assert {"base_url", "allow_http"} <= fields or kind in NOT_OVER_HTTP
    for member in ("changes", "fetch", "write", "find", "check", "close"):
        assert hasattr(source, member), member


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_each_row_names_the_kinds_of_its_records(kind):
    row = catalog.KINDS[kind]
    assert row.records
    assert set(row.records) <= set(RECORDS)
    described = row.load_conf().__dataclass_fields__.get("records")
    if described is not None:  # the configuration names the kind
        assert set(row.records) <= set(get_args(described.type)) | {""}


async def test_a_source_is_built_from_its_kind():
    conf = catalog.KINDS["freshdesk"].load_conf()("https://acme.freshdesk.com", "key-1234")
    source: Source = catalog.build("freshdesk", conf)
    assert source.title == "Freshdesk"
    await source.close()


def test_the_list_itself_imports_no_client():
    code = "import sys, pollers.catalog; print([m for m in ('httpx', 'jmespath', 'orjson') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Register:
    def __init__(self):
        self.now, self.asked, self.fail = 1000.0, [], False

    async def load(self, ids):
        self.asked.append(set(ids))
        if self.fail:
            raise SourceError(SourceFault.UNREACHABLE, "no")
        return {one: f"name of {one}" for one in ids if one != "ghost"}


async def test_names_are_asked_for_once_an_hour():
    register = Register()
    names = Names("people", register.load, lambda: register.now)
    assert (await names.of(["1", "", "1"]))["1"] == "name of 1"
    await names.of(["1"])
    assert register.asked == [{"1"}]
    register.now += KEEP + 1
    await names.of(["1"])
    assert len(register.asked) == 2


async def test_an_unknown_name_is_asked_for_again_after_some_minutes():
    register = Register()
    names = Names("people", register.load, lambda: register.now)
    for pause in (0, 1, ASK_AGAIN):
        register.now += pause
        assert "ghost" not in await names.of(["ghost"])
    assert len(register.asked) == 2


async def test_names_that_can_not_be_read_stop_nothing_and_old_ones_stay():
    register = Register()
    names = Names("people", register.load, lambda: register.now)
    await names.of(["1"])
    register.fail = True
    register.now += KEEP + 1
    assert (await names.of(["1", "2"])) == {"1": "name of 1"}
    assert names.error == "no"
