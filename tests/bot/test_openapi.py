"""The API keeps to its own description: what schemathesis makes of it, sent over real HTTP, and judged by it."""

import asyncio
import json
from http import HTTPStatus

import aiohttp
import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bot.api import ApiToken
from bot.openapi import PATH, document
from bot.server import Server, ServerConf

TOKEN = "a-token-with-every-scope"
KEPT = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
async def base(desk):
    tokens = (ApiToken("all", TOKEN, frozenset({"trigger", "read", "audit"})),)
    server = Server(ServerConf(port=0, tokens=tokens, alerts_per_hour=100_000), desk)
    await server.start()
    yield f"http://127.0.0.1:{server.port}"
    await server.stop()


async def test_it_is_served_to_anybody(base):
    async with aiohttp.ClientSession(base) as session, session.get(PATH) as answer:
        assert answer.status == HTTPStatus.OK
        assert await answer.json() == json.loads(json.dumps(document()))


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("path", "method"), [(p, m) for p, item in document()["paths"].items() for m in item])
async def test_every_call_is_answered_as_described(base, path, method, mode):
    schema = schemathesis.openapi.from_dict(document())
    checks = [*KEPT, negative_data_rejection] if mode is GenerationMode.NEGATIVE else KEPT
    seen = set()

    @settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def calls(case):
        answer = case.call(base_url=base, headers={"Authorization": f"Bearer {TOKEN}"})
        seen.add(answer.status_code)
        case.validate_response(answer, checks=checks)

    await asyncio.to_thread(calls)
    # A ref made up is nobody's.
    done = {HTTPStatus.NOT_FOUND} if "{ref}" in path else {HTTPStatus.OK, HTTPStatus.CREATED}
    assert seen & done if mode is GenerationMode.POSITIVE else seen - done, seen


async def test_without_a_token_nobody_gets_in(base):
    async with aiohttp.ClientSession(base) as session:
        for path, item in document()["paths"].items():
            for method, described in item.items():
                async with session.request(method, path.replace("{ref}", "D-1")) as answer:
                    assert str(answer.status) == "401"
                    assert str(answer.status) in described["responses"]


def test_it_is_a_valid_schema_itself():
    for schema in document()["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
