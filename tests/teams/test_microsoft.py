"""The golden cards drawn by Microsoft's own renderer (npm, `adaptivecards`) in a real browser: whatever it rejects,
drops or makes markup of, fails. Skipped where Node, a browser or the package is not at hand.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from deskbell.sandbox.teams.cards import inputs, readable, shown_actions, walk

GOLDEN = Path(__file__).parent / "golden"
VERSION = "3.0.6"
CACHE = Path(tempfile.gettempdir()) / f"deskbell-adaptivecards-{VERSION}"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
INSTALL_S = 90
DRAW_S = 60
# As Teams draws them: https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format
HOST = {"supportsInteractivity": True, "actions": {"maxActions": 6, "showCard": {"actionMode": "inline"}}}

PAGE = """<!doctype html><meta charset="utf-8"><body><script>%(library)s</script><script>
const found = {};
for (const [name, json] of Object.entries(%(cards)s)) {
  const markdown = [];
  AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {
    markdown.push(text); result.outputHtml = text.replace(/</g, "&lt;"); result.didProcess = true;
  };
  const card = new AdaptiveCards.AdaptiveCard();
  card.hostConfig = new AdaptiveCards.HostConfig(%(host)s);
  const context = new AdaptiveCards.SerializationContext();
  const out = { wrong: [], markdown };
  try {
    card.parse(json, context);
    for (let i = 0; i < context.eventCount; i++) out.wrong.push(context.getEventAt(i).message);
    for (const event of card.validateProperties().validationEvents) out.wrong.push(event.message);
    const node = card.render();
    document.body.append(node);
    for (const button of node.querySelectorAll("button[aria-expanded=false]")) button.click();
    out.text = node.innerText;
    out.buttons = [...node.querySelectorAll("button")].map((button) => button.innerText.trim() || button.title);
    out.actions = card.getActionCount();
    out.inputs = card.getAllInputs(true).map((input) => input.id);
    out.back = JSON.stringify(card.toJSON());
    out.links = [...node.querySelectorAll("a")].map((one) => one.href);
    out.tags = [...new Set([...node.querySelectorAll("*")].map((one) => one.tagName))];
  } catch (error) { out.wrong.push(String(error)); }
  found[name] = out;
}
const told = document.createElement("pre"); told.id = "found"; told.textContent = JSON.stringify(found);
document.body.replaceChildren(told);
</script></body>"""


def library():
    """Microsoft's renderer, fetched once into the system's folder for temporary files."""
    file = CACHE / "node_modules" / "adaptivecards" / "dist" / "adaptivecards.min.js"
    if not file.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not on this machine")
        CACHE.mkdir(exist_ok=True)
        command = [npm, "install", f"adaptivecards@{VERSION}", "--no-audit", "--no-fund", "--ignore-scripts"]
        try:
            done = subprocess.run(command, cwd=CACHE, capture_output=True, timeout=INSTALL_S, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip("npm took too long to fetch adaptivecards")
        if done.returncode or not file.is_file():
            pytest.skip("npm can't fetch adaptivecards here")
    return file.read_text(encoding="utf-8")


def cards():
    """Every golden card by its file's name."""
    activities = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(GOLDEN.glob("*.json"))}
    return {name: one["attachments"][0]["content"] for name, one in activities.items() if "attachments" in one}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """What Microsoft's renderer makes of each card."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    shown = json.dumps(cards()).replace("</", "<\\/")
    page = tmp_path_factory.mktemp("cards") / "cards.html"
    page.write_text(
        PAGE % {"library": library().replace("</script", "<\\/script"), "cards": shown, "host": json.dumps(HOST)}
    )
    profile = tmp_path_factory.mktemp("profile")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    command = [CHROMIUM, *flags, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
    try:
        out = subprocess.run(command, capture_output=True, timeout=DRAW_S, check=False).stdout.decode()
    except subprocess.TimeoutExpired:
        pytest.skip("the browser took too long")
    found = out.partition('<pre id="found">')[2].partition("</pre>")[0]
    if not found:
        pytest.skip("the browser draws nothing here")
    return json.loads(found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def squeezed(text):
    return "".join(text.split())


@pytest.mark.parametrize("name", cards())
def test_microsoft_rejects_nothing_and_drops_nothing(drawn, name):
    card, seen = cards()[name], drawn[name]

    assert seen["wrong"] == []
    text = squeezed(seen["text"])
    for line in readable(card):
        assert squeezed(line) in text
    for one in shown_actions(card):
        assert one["title"] in seen["buttons"]
    assert seen["actions"] == len(card.get("actions", []))
    assert sorted(seen["inputs"]) == sorted(one["id"] for one in inputs(card))


@pytest.mark.parametrize("name", cards())
def test_nothing_from_data_is_read_as_markdown_or_drawn_as_a_link(drawn, name):
    card, seen = cards()[name], drawn[name]
    ours = {part["text"] for part in walk(card) if part.get("type") == "TextBlock"}
    labels = {part.get("label") for part in walk(card)} | {"Code"}

    assert set(seen["markdown"]) <= ours | labels
    urls = {part["url"] for part in walk(card) if part.get("type") == "Action.OpenUrl"}
    assert set(seen["links"]) <= urls
    assert not {"STRONG", "EM", "CODE", "B", "SCRIPT", "IFRAME", "IMG"} & set(seen["tags"])


def test_the_renderer_does_reject(drawn):
    """The test above would see it: what is read back is what was given, so that nothing was silently left out."""
    back = json.loads(drawn["open"]["back"])
    assert len(back["body"]) == len(cards()["open"]["body"])
    assert len(back["actions"]) == len(cards()["open"]["actions"])
