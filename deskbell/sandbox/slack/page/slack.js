// The Slack room: channels, messages, threads, whispers, forms, and a line to type in.
import { clock, colour, h, initials, render, toast } from "./dom.js";
import { blocks, valuesOf } from "./slack_blocks.js";
import { mrkdwn } from "./mrkdwn.js";

const asked = new URLSearchParams(location.search);
const here = { who: "", me: "", channel: asked.get("channel") || "C0DISPATCH", thread: asked.get("thread") || "", seen: {}, dismissed: new Set() };
let slack = { users: [], channels: [], messages: {}, ephemerals: [], views: [], commands: [] };
let parts = null;  // the nodes that stay
let act = null;

const names = {
  user: (id) => slack.users.find((user) => user.id === id)?.real_name || id,
  channel: (id) => slack.channels.find((channel) => channel.id === id)?.name || id,
  people: () => slack.users.filter((user) => !user.is_bot && !user.stranger),
};

const sorted = (list) => list.sort((a, b) => (a.ts < b.ts ? -1 : 1));
const title = (channel) => (channel.im ? "Deskbell" : channel.name);

async function doing(work) {
  try {
    const result = await work();
    if (result && result.acked === false) toast(`Slack could not reach the app (${result.error || "no answer within 3 s"})`);
    return result;
  } catch (error) {
    toast(error.message);
    return null;
  }
}

// ---------------------------------------------------------------- rooms

function rooms() {
  const mine = slack.channels.filter((channel) => channel.members.includes(here.me));
  const line = (channel) => {
    const list = slack.messages[channel.id] || [];
    const latest = list.at(-1)?.ts || "0";
    if (channel.id === here.channel) here.seen[channel.id] = latest;
    const unread = list.filter((message) => message.ts > (here.seen[channel.id] || "0") && message.bot).length;
    return h("button", { type: "button", class: `room-link ${channel.id === here.channel ? "on" : ""} ${unread ? "unread" : ""}`,
      onclick: () => { here.channel = channel.id; here.thread = ""; show(); } },
    h("span", { class: "hash" }, channel.im ? "●" : "#"), h("span", {}, title(channel)), channel.archived && h("i", {}, " archived"),
    unread ? h("b", { class: "badge" }, String(unread)) : null);
  };
  return [
    h("div", { class: "team" }, "Northgate"),
    h("div", { class: "rooms-title" }, "Channels"), mine.filter((channel) => !channel.im).map(line),
    mine.some((channel) => channel.im === here.me) && h("div", { class: "rooms-title" }, "Apps"),
    mine.filter((channel) => channel.im === here.me).map(line),
  ];
}

// ---------------------------------------------------------------- messages

function avatar(id, small) {
  const user = slack.users.find((one) => one.id === id);
  if (user?.is_bot) return h("img", { class: `avatar ${small ? "small" : ""}`, src: "/page/bell.svg", alt: "" });
  return h("span", { class: `avatar ${small ? "small" : ""}`, style: { background: colour(id) } }, initials(names.user(id)));
}

function body(message) {
  const context = {
    names,
    press: (action_id, block_id, selected) => doing(() => act("tap", { user: here.me, channel: message.channel, ts: message.ts, action_id, block_id, selected })),
    suggest: async (action_id, typedText) => (await act("suggest", { user: here.me, channel: message.channel, ts: message.ts, action_id, typed: typedText })).options,
  };
  const attachments = message.attachments.map((part) => h("div", { class: "attachment", style: { borderLeftColor: /^#?[0-9a-f]{6}$/i.test(part.color || "") ? `#${part.color.replace("#", "")}` : "#ddd" } },
    part.text ? h("div", {}, mrkdwn(part.text, names)) : null, blocks(part.blocks, context)));
  const words = message.blocks.length || attachments.length ? null : h("div", { class: "b-text" }, mrkdwn(message.text, names));
  return [words, blocks(message.blocks, context), attachments,
    message.edited ? h("span", { class: "edited", title: `changed ${message.edited} times` }, "(edited)") : null];
}

function messageNode(message, options = {}) {
  const node = h("article", { class: `message ${message.only ? "whisper" : ""}`, "data-ts": message.ts },
    avatar(message.user, options.small),
    h("div", { class: "message-body" },
      message.only && h("div", { class: "only" }, "👁 Only visible to you",
        h("button", { type: "button", class: "dismiss", onclick: () => { here.dismissed.add(message.ts); show(); } }, "Dismiss")),
      h("div", { class: "from" }, h("b", {}, names.user(message.user)), message.bot && h("span", { class: "app" }, "APP"),
        h("time", {}, clock(Number(message.ts)))),
      body(message),
      !options.small && message.replies?.length ? replies(message) : null));
  return node;
}

function replies(message) {
  const faces = [...new Set(message.replies.map((reply) => reply.user))].slice(0, 3).map((id) => avatar(id, true));
  const count = message.replies.length;
  return h("button", { type: "button", class: "replies", onclick: () => { here.thread = message.ts; show(); } },
    faces, h("b", {}, `${count} ${count === 1 ? "reply" : "replies"}`), h("span", {}, `last at ${clock(Number(message.replies.at(-1).ts))}`));
}

// Each message is rebuilt only when it changed; the list keeps its place unless it stood at the end.
function messages() {
  const whispers = slack.ephemerals.filter((one) => one.channel === here.channel && one.only === here.me && !here.dismissed.has(one.ts) && !one.thread_ts);
  const list = sorted([...(slack.messages[here.channel] || []), ...whispers]);
  const box = parts.messages;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  const switched = box.dataset.room !== `${here.channel}${here.me}`;
  if (switched) box.replaceChildren();
  box.dataset.room = `${here.channel}${here.me}`;
  const known = new Map([...box.children].map((node) => [node.dataset.ts, node]));
  let grew = false;
  for (const [ts, node] of known) if (!list.some((message) => message.ts === ts)) node.remove();
  list.forEach((message, index) => {
    const key = JSON.stringify(message);
    const old = known.get(message.ts);
    if (old?.made === key) return;
    const node = messageNode(message);
    node.made = key;
    if (old) {
      node.classList.add("changed");
      old.replaceWith(node);
    } else {
      grew = true;
      if (!switched) node.classList.add("fresh");
      box.insertBefore(node, box.children[index] || null);
    }
  });
  if (switched || (grew && atEnd) || (atEnd && list.length)) box.scrollTop = box.scrollHeight;
}

// ---------------------------------------------------------------- thread

function thread() {
  const panel = parts.thread;
  const list = slack.messages[here.channel] || [];
  const ts = here.thread === "latest" ? [...list].reverse().find((message) => message.replies.length)?.ts : here.thread;
  const parent = list.find((message) => message.ts === ts);
  panel.hidden = !parent;
  if (!parent) return;
  const whispers = slack.ephemerals.filter((one) => one.thread_ts === parent.ts && one.only === here.me && !here.dismissed.has(one.ts));
  const told = sorted([...parent.replies, ...whispers]);
  const changed = render(panel, [parent, told, here.me], () => [
    h("div", { class: "thread-head" }, h("b", {}, "Thread"), h("span", {}, `#${names.channel(here.channel)}`),
      h("button", { type: "button", "aria-label": "close", onclick: () => { here.thread = ""; show(); } }, "✕")),
    h("div", { class: "thread-list" }, messageNode({ ...parent, replies: [] }, { small: true }),
      h("div", { class: "thread-line" }, `${parent.replies.length} replies`), told.map((reply) => messageNode(reply, { small: true }))),
  ]);
  if (changed) panel.querySelector(".thread-list").scrollTop = 1e6;
}

// ---------------------------------------------------------------- forms

function modal() {
  const back = parts.modal;
  const mine = slack.views.filter((view) => view.user === here.me && view.type === "modal");
  const view = mine.at(-1);
  back.hidden = !view;
  render(back, view ? [view.id, view.hash] : [], () => (view ? form(view) : []));
}

function form(view) {
  const context = {
    names, form: true,
    press: (action_id, block_id, selected) => doing(() => act("tap_in_view", { user: here.me, view_id: view.id, action_id, selected })),
    suggest: async (action_id, typedText) => (await act("suggest", { user: here.me, view_id: view.id, action_id, typed: typedText })).options,
  };
  const close = () => doing(() => act("close_view", { user: here.me, view_id: view.id }));
  const send = async (event) => {
    event.preventDefault();
    const box = event.currentTarget;
    for (const node of box.querySelectorAll("[data-error]")) node.textContent = "";
    box.querySelector(".send").classList.add("busy");
    const done = await doing(() => act("submit", { user: here.me, view_id: view.id, values: valuesOf(box) }));
    box.querySelector(".send")?.classList.remove("busy");
    for (const [block, text] of Object.entries(done?.errors || {})) {
      const place = [...box.querySelectorAll("[data-error]")].find((node) => node.dataset.error === block);
      if (place) place.textContent = text;
    }
  };
  return h("form", { class: "modal", onsubmit: send, novalidate: true },
    h("div", { class: "modal-head" }, h("img", { class: "avatar small", src: "/page/bell.svg", alt: "" }), h("b", {}, view.title?.text || ""),
      h("button", { type: "button", "aria-label": "close", onclick: close }, "✕")),
    h("div", { class: "modal-body" }, blocks(view.blocks, context)),
    h("div", { class: "modal-foot" }, h("button", { type: "button", class: "b-button", onclick: close }, view.close?.text || "Cancel"),
      view.submit && h("button", { type: "submit", class: "b-button primary send" }, view.submit.text)));
}

// ---------------------------------------------------------------- all of it

function show() {
  const room = slack.channels.find((channel) => channel.id === here.channel) || slack.channels[0];
  if (!room) return;
  render(parts.rooms, [slack.channels, slack.users, here.me, here.channel, Object.values(slack.messages).map((list) => list.at(-1)?.ts)], rooms);
  render(parts.head, [room, here.me], () => [
    h("b", {}, room.im ? "Deskbell" : `# ${room.name}`), h("span", { class: "topic" }, room.topic || "Direct messages of the app"),
    h("span", { class: "members" }, `👥 ${room.members.length}`)]);
  parts.words.placeholder = `Message ${room.im ? "Deskbell" : `#${room.name}`}, or /desk help`;
  messages();
  thread();
  modal();
}

function build(root) {
  const words = h("input", { autocomplete: "off", spellcheck: "false", "aria-label": "Message in Slack" });
  const send = async (event) => {
    event.preventDefault();
    const text = words.value.trim();
    if (!text) return;
    words.value = "";
    parts.messages.scrollTop = parts.messages.scrollHeight;
    await doing(() => act("type", { user: here.me, channel: here.channel, text }));
  };
  parts = {
    words,
    rooms: h("nav", { class: "rooms" }),
    head: h("div", { class: "room-head" }),
    messages: h("div", { class: "messages", tabindex: "0", "aria-live": "polite" }),
    thread: h("aside", { class: "thread", hidden: true }),
    modal: h("div", { class: "modal-back", hidden: true }),
  };
  const composer = h("form", { class: "composer", onsubmit: send }, words, h("button", { type: "submit" }, "Send"));
  root.replaceChildren(parts.rooms, h("div", { class: "room" }, parts.head, parts.messages, composer, parts.thread, parts.modal));
}

// `me` is a person's short name; `doIt(verb, args)` does something in this chat.
export function draw(root, state, doIt, me) {
  if (!parts) build(root);
  slack = state;
  act = doIt;
  if (here.who !== me) {
    if (here.who) Object.assign(here, { channel: "C0DISPATCH", thread: "" });
    Object.assign(here, { who: me, me: slack.users.find((user) => user.name === me)?.id || "" });
  }
  show();
}
