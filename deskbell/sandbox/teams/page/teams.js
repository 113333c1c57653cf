// Microsoft Teams: channels with their posts and replies, the private chat with the bot, and a line to type in.
import { clock, colour, h, initials, render, toast } from "./dom.js";
import { card, mentions } from "./teams_card.js";

const here = { room: "", open: new Set(), who: "" };
let teams = null;
let act = null;
let me = "ana";
let parts = null;  // the nodes that stay

const LATEST = 2;  // replies shown before somebody opens the thread
const name = (id) => (id === teams.bot ? "Deskbell" : teams.people.find((one) => one.id === id)?.name || id);
const mine = () => teams.rooms.filter((room) => (room.person ? room.person === me && room.installed : room.members.includes(me)));
const current = () => mine().find((room) => room.id === here.room) || mine()[0];

async function doing(verb, args) {
  try {
    const result = await act(verb, { who: me, ...args });
    if (result?.failed) toast(`Teams: something went wrong. (${result.failed})`);
    if (result?.toast) pass(result.toast);
    return result;
  } catch (error) {
    toast(error.message);
    return null;
  }
}

// A few words from the bot for this person, which go by themselves.
let going = 0;
function pass(text) {
  parts.toast.textContent = text;
  parts.toast.hidden = false;
  clearTimeout(going);
  going = setTimeout(() => { parts.toast.hidden = true; }, 7000);
}

// ---------------------------------------------------------------- messages

function avatar(id, small) {
  if (id === teams.bot) return h("img", { class: `tm-face bot ${small ? "small" : ""}`, src: "/page/bell.svg", alt: "" });
  return h("span", { class: `tm-face ${small ? "small" : ""}`, style: { background: colour(id) } }, initials(name(id)));
}

function words(message) {
  const text = message.format === "xml" ? unescaped(message.text) : message.text;
  return h("div", { class: "tm-words" }, text.split("\n").flatMap((line, index) => [index ? h("br") : null, ...mentions(line)]));
}
const unescaped = (text) => text.replaceAll("<br/>", "\n").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

function content(message, room) {
  const own = message.views[me];
  const shown = own || message.card;
  if (!shown) return words(message);
  const context = {
    path: [],
    press: (path, values) => doing("press", { room: room.id, id: message.id, path, values }),
    search: async (dataset, query) => (await act("search", { who: me, room: room.id, id: message.id, dataset, query })).results,
  };
  return [own && h("div", { class: "tm-own" }, "Only you see it so"), card(shown, context)];
}

const body = (message, room, small) => [avatar(message.author, small), h("div", { class: "tm-body" },
  h("div", { class: "tm-from" }, h("b", {}, name(message.author)), h("time", {}, clock(message.at)), message.edits ? h("i", {}, "Edited") : null),
  content(message, room))];

function post(message, room) {
  const replies = message.replies || [];
  const all = here.open.has(message.id);
  const hidden = all ? 0 : Math.max(0, replies.length - LATEST);
  return h("article", { class: "tm-post", "data-id": message.id },
    h("div", { class: `tm-message ${message.author === teams.bot ? "" : "person"}` }, body(message, room)),
    replies.length ? h("div", { class: "tm-replies" },
      hidden ? h("button", { type: "button", class: "tm-more", onclick: () => { here.open.add(message.id); show(); } }, `See ${hidden} more ${hidden === 1 ? "reply" : "replies"}`) : null,
      replies.slice(hidden).map((reply) => h("div", { class: "tm-reply" }, body(reply, room, true)))) : null);
}

// A post is built again only when it changed, so that nobody's half-filled form goes away with another's news.
function messages(room) {
  const box = parts.messages;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const place = `${room.id} ${me}`;
  const switched = box.dataset.place !== place;
  if (switched) box.replaceChildren();
  box.dataset.place = place;
  const known = new Map([...box.children].map((node) => [node.dataset.id, node]));
  for (const [id, node] of known) if (!room.messages.some((one) => one.id === id)) node.remove();
  room.messages.forEach((message, index) => {
    const key = JSON.stringify([message, message.views[me], here.open.has(message.id)]);
    const old = known.get(message.id);
    if (old?.made === key) return;
    const node = post({ ...message }, room);
    node.made = key;
    if (old) { node.classList.add("changed"); old.replaceWith(node); } else {
      if (!switched) node.classList.add("fresh");
      box.insertBefore(node, box.children[index] || null);
    }
  });
  if (switched || atEnd) box.scrollTop = box.scrollHeight;
}

// ---------------------------------------------------------------- all of it

function tabs() {
  return mine().map((room) => h("button", { type: "button", class: room.id === current().id ? "on" : "", onclick: () => { here.room = room.id; show(); } },
    room.person ? "💬 Deskbell" : room.name[0].toUpperCase() + room.name.slice(1), room.installed ? null : h("i", {}, " removed")));
}

function lay(root) {
  const field = h("input", { type: "text", "aria-label": "Message", autocomplete: "off", spellcheck: false });
  const send = async (event) => {
    event.preventDefault();
    const text = field.value.trim().replace(/^@deskbell\s*/i, "");
    if (!text) return;
    field.value = "";
    parts.messages.scrollTop = parts.messages.scrollHeight;
    await doing("say", { room: current().person ? "" : current().id, text });
  };
  parts = {
    tabs: h("nav", { class: "tm-tabs" }), messages: h("div", { class: "tm-messages", tabindex: "0", "aria-live": "polite" }),
    field, toast: h("div", { class: "tm-toast", role: "status", hidden: true }),
  };
  root.append(parts.tabs, parts.messages, h("form", { class: "tm-composer", onsubmit: send }, field, h("button", { type: "submit", "aria-label": "Send" }, "➤")), parts.toast);
}

function show() {
  const room = current();
  if (!room) {
    parts.tabs.replaceChildren();
    parts.messages.replaceChildren(h("p", { class: "tm-empty" }, "This person is in none of these channels."));
    return;
  }
  render(parts.tabs, [mine().map((one) => [one.id, one.installed]), room.id], tabs);
  parts.field.placeholder = room.person ? "Type a message, like help" : "Write to @Deskbell, like list";
  messages(room);
}

export function draw(root, state, doIt, who) {
  teams = state;
  act = doIt;
  me = who;
  if (!parts) lay(root);
  show();
}
