// The chats side by side, each drawn by a script of its own, and one person who acts in all of them.
import { act, byId, h, render, toast } from "./dom.js";
import { watch } from "./why.js";

const TITLES = { slack: "Slack", teams: "Microsoft Teams", telegram: "Telegram", discord: "Discord" };
const TROUBLE = [["chat_429", "Too many requests, 20 s"], ["chat_down", "Out of order, 20 s"], ["remove_bot", "Remove Deskbell from the room"]];
const MORE = { slack: [["slack.lost", "Lose an answer"], ["slack.disconnect", "Drop a socket"]] };
const asked = new URLSearchParams(location.search);
const panes = new Map();  // chat -> { root, head, draw }
let me = asked.get("as") || "ana";
let state = null;

async function open(name) {
  const root = h("div", { class: name });
  const head = h("header", { class: "pane-head" });
  byId("panes").append(h("section", { class: "pane", "data-tab": name, "aria-label": TITLES[name] }, head, h("div", { class: "pane-body" }, root)));
  document.head.append(h("link", { rel: "stylesheet", href: `/page/${name}.css` }));
  const pane = { root, head, draw: null };
  panes.set(name, pane);
  watch(root);
  pane.draw = (await import(`./${name}.js`)).draw;
  drawPane(name);
}

function drawPane(name) {
  const pane = panes.get(name);
  const doIt = (verb, args) => act(`${name}.${verb}`, args);
  if (pane.draw) pane.draw(pane.root, state.chats[name], doIt, me);
  const faults = state.faults.filter(([where]) => where === name).map(([, kind]) => kind);
  render(pane.head, [state.counts[name], faults], () => head(name, state.counts[name], faults));
}

function head(name, counts, faults) {
  const chip = (count, word) => h("span", { class: "count" }, h("b", {}, String(count)), ` ${word}`);
  return [
    h("h2", {}, TITLES[name]),
    chip(counts.posted, "posted"), chip(counts.edited, "edited"), chip(counts.taps, "taps"),
    counts.ratelimited ? h("span", { class: "chip bad" }, `${counts.ratelimited} × 429`) : null,
    faults.map((kind) => h("span", { class: "chip bad" }, kind)),
    h("details", { class: "pane-trouble" }, h("summary", { title: `Make trouble in ${TITLES[name]}` }, "Trouble"),
      h("div", {}, [...TROUBLE, ...(MORE[name] || [])].map(([verb, words]) => h("button", { type: "button", onclick: (event) => trouble(event, verb, words, name) }, words)))),
  ];
}

async function trouble(event, verb, words, name) {
  event.currentTarget.closest("details").open = false;
  try {
    await act(verb, verb.includes(".") ? {} : { chat: name });
    toast(`${TITLES[name]}: ${words}`);
  } catch (error) {
    toast(error.message);
  }
}

// ---------------------------------------------------------------- who, and what a phone shows

function people() {
  const options = state.people.map((one) => h("option", { value: one.id, selected: one.id === me }, `${one.name} · ${one.title}`));
  render(byId("who"), state.people, () => options);
}

function tabs() {
  const shown = document.body.dataset.shown;
  render(byId("tabs"), [shown, Object.keys(state.chats)], () => ["desk", ...Object.keys(state.chats)].map((name) => h("button", {
    type: "button", class: name === shown ? "on" : "", "aria-pressed": String(name === shown), onclick: () => { document.body.dataset.shown = name; tabs(); },
  }, name === "desk" ? "Desk" : TITLES[name].replace("Microsoft ", ""))));
  for (const node of document.querySelectorAll("[data-tab]")) node.classList.toggle("shown", node.dataset.tab === shown);
}

export function show(next) {
  state = next;
  for (const name of Object.keys(state.chats)) {
    if (panes.has(name)) drawPane(name);
    else open(name).catch((error) => { console.error(error); toast(`${TITLES[name]} can't be drawn: ${error.message}`); });
  }
  people();
  tabs();
}

export function start() {
  if (asked.get("show")) document.body.dataset.shown = asked.get("show");
  byId("who").addEventListener("change", (event) => { me = event.target.value; if (state) show(state); });
}
