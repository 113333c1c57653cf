// Why a card rang, in Deskbell's own words: a small button in the corner of each card, in whichever chat.
import { byId, h } from "./dom.js";

const REF = /\bD-\d+\b/;
const BUTTONS = ".b-actions, .ac-actions, .tg-keys, .d-row";  // what only cards have, in each chat's own drawing

async function reasons(ref) {
  try {
    const answer = await (await fetch(`/_sandbox/why/${encodeURIComponent(ref)}`)).json();
    if (answer.reachable) return answer.why.map((one) => h("div", {}, h("dt", {}, one.what), h("dd", {}, one.said)));
  } catch { /* said below */ }
  return [h("div", {}, h("dt", {}, "Unknown"), h("dd", {}, "Deskbell does not answer just now."))];
}

async function tell(ref) {
  const box = byId("why");
  const lines = await reasons(ref);
  box.replaceChildren(h("form", { method: "dialog" }, h("h2", {}, `Why did ${ref} ring?`), h("button", { "aria-label": "close" }, "✕")), h("dl", {}, lines));
  box.showModal();
}

function mark(card) {
  const ref = card.querySelector(BUTTONS) && card.textContent.match(REF)?.[0];
  const old = card.querySelector(":scope > .why-button");
  if (old?.dataset.ref === ref || (!old && !ref)) return;
  old?.remove();
  if (ref) card.append(h("button", { type: "button", class: "why-button", "data-ref": ref, title: `Why did ${ref} ring?`, onclick: () => tell(ref) }, "Why?"));
}

// Chats draw their cards anew whenever something changes; each gets its button back.
export function watch(pane) {
  new MutationObserver(() => pane.querySelectorAll("article").forEach(mark)).observe(pane, { childList: true, subtree: true });
}

byId("why").addEventListener("click", (event) => { if (event.target === event.currentTarget) event.currentTarget.close(); });
