"""What Slack's answers mean, and whether it was Slack that spoke."""

import time
from datetime import timedelta

import pytest

from deskbell.core.outcome import Fault, Rejected, Retry, Unknown
from deskbell.vendors import slack as vendor

# The table of the vendor reference, section 2.9, word for word.
TABLE = {
    Fault.TARGET: """channel_not_found not_in_channel is_archived user_not_found users_not_found user_disabled
        user_not_in_channel messages_tab_disabled restricted_action restricted_action_read_only_channel
        restricted_action_thread_only_channel restricted_action_non_threadable_channel
        restricted_action_thread_locked posting_to_channel_denied ekm_access_denied cannot_reply_to_message""",
    Fault.PAYLOAD: """invalid_blocks invalid_blocks_format block_mismatch msg_too_long msg_blocks_too_long
        too_many_attachments attachment_payload_limit_exceeded markdown_text_conflict no_text invalid_arguments
        metadata_too_large invalid_metadata_format invalid_metadata_schema view_too_large duplicate_external_id""",
    Fault.AUTH: """invalid_auth not_authed account_inactive token_revoked token_expired no_permission
        org_login_required access_denied app_access_restricted""",
    Fault.CONFIG: """missing_scope not_allowed_token_type metadata_must_be_sent_from_app message_limit_exceeded
        enterprise_is_restricted""",
    Fault.GONE: """message_not_found cant_update_message edit_window_closed update_failed cant_delete_message
        is_inactive""",
}
NAMED = [(code, fault) for fault, codes in TABLE.items() for code in codes.split()]


@pytest.mark.parametrize(("code", "fault"), NAMED)
def test_a_named_error_is_final(code, fault):
    said = vendor.outcome(200, code)

    assert isinstance(said, Rejected)
    assert said.fault is fault
    assert code in said.why


@pytest.mark.parametrize(
    "code", ["request_timeout", "external_channel_migrating", "team_added_to_org", "an_error_of_2031"]
)
def test_some_pass_and_what_no_page_names_is_tried_again(code):
    assert isinstance(vendor.outcome(200, code), Retry)


@pytest.mark.parametrize("code", ["fatal_error", "internal_error", "service_unavailable"])
def test_some_may_have_done_it_anyway(code):
    assert isinstance(vendor.outcome(200, code), Unknown)


@pytest.mark.parametrize(
    ("status", "code"), [(429, ""), (429, "ratelimited"), (200, "ratelimited"), (200, "rate_limited")]
)
def test_a_rate_limit_is_no_failed_attempt(status, code):
    said = vendor.outcome(status, code, "30")

    assert said == Retry("Slack: rate limit", timedelta(seconds=30), limited=True)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_broken_gateway_may_have_let_it_through(status):
    assert isinstance(vendor.outcome(status, ""), Unknown)


@pytest.mark.parametrize(
    ("status", "fault"), [(401, Fault.AUTH), (403, Fault.AUTH), (404, Fault.CONFIG), (413, Fault.PAYLOAD)]
)
def test_a_bare_refusal(status, fault):
    said = vendor.outcome(status, "")

    assert isinstance(said, Rejected)
    assert said.fault is fault


def test_a_yes_that_is_not_slacks_is_unknown():
    assert isinstance(vendor.outcome(200, ""), Unknown)


def test_a_lacking_permission_is_named():
    assert "channels:history" in vendor.outcome(200, "missing_scope", needed="channels:history").why


@pytest.mark.parametrize(
    ("given", "seconds"), [("30", 30), ("", 1), ("0", 1), ("soon", 1), ("-5", 1), ("999999", 3600), ("٣", 1)]
)
def test_retry_after(given, seconds):
    assert vendor.seconds(given) == timedelta(seconds=seconds)


# ---------------------------------------------------------------- signature


def test_the_example_of_slacks_own_page():
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    secret = "8f742231b10e8888abcd99yyyzzz85a5"

    assert vendor.genuine([secret], "1531420618", signature, body, 1531420618 + 10)
    assert vendor.genuine(["the new one", secret], "1531420618", signature, body, 1531420618 + 10)
    assert not vendor.genuine(["the new one"], "1531420618", signature, body, 1531420618 + 10)
    assert not vendor.genuine([secret], "1531420618", signature, body + b"x", 1531420618 + 10)


@pytest.mark.parametrize("offset", [-301, 301, 10**6])
def test_the_window_is_five_minutes_both_ways(offset):
    now = time.time()
    stamp = str(int(now) + offset)

    assert not vendor.genuine(["s"], stamp, vendor.sign("s", stamp, b"{}"), b"{}", now)


@pytest.mark.parametrize("stamp", ["", "now", "1.5", "-1", "٣", "1" * 400, " 1", "1e9", "0x10"])
def test_a_strange_time_stamp_is_no_time_stamp(stamp):
    assert not vendor.genuine(["s"], stamp, vendor.sign("s", stamp, b"{}"), b"{}", time.time())


def test_without_a_secret_nothing_is_genuine():
    now = time.time()
    stamp = str(int(now))

    assert not vendor.genuine([], stamp, vendor.sign("", stamp, b"{}"), b"{}", now)
    assert not vendor.genuine([""], stamp, vendor.sign("", stamp, b"{}"), b"{}", now)


def test_secrets_do_not_show():
    conf = vendor.SlackConf(bot_token="xoxb-1", app_token="xapp-1", signing_secrets=("shh",))

    assert not {"xoxb-1", "xapp-1", "shh"} & set(repr(conf).replace("'", " ").replace(",", " ").split())
