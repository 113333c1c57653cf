// One Discord server as one person sees it: channels, messages with embeds and buttons, threads, whispers, forms.
import { clock, colour, h, initials, render, toast } from "./dom.js";
import { markdown } from "./discord_md.js";

const BOT = "900000000000009900";
const TEXT = 0, DIRECT = 1, THREAD = 11;
const BUTTON = 2, MENU = 3, INPUT = 4, PEOPLE = 5;
const STYLES = { 1: "primary", 2: "", 3: "success", 4: "danger", 5: "link" };
const TYPING = { alert: 1, number: 1, about: 1, colleague: 1, time: 1 };
const here = { me: "", account: "", channel: "", thread: "", seen: {}, dismissed: new Set() };
let server = null;
let act = null;
let parts = null;

const names = {
  person: (id) => (id === BOT ? "Deskbell" : server.people.find((one) => one.id === id)?.name || "unknown-user"),
  role: (id) => server.roles[id] || "deleted-role",
  channel: (id) => server.channels.find((one) => one.id === id)?.name || "unknown",
};

async function doing(work) {
  try {
    const result = await work();
    if (result && result.acked === false) toast(result.error || "This interaction failed");
    return result;
  } catch (error) {
    toast(error.message);
    return null;
  }
}

// ---------------------------------------------------------------- channels

const rooms = () => server.channels.filter((one) => one.type === TEXT || (one.type === DIRECT && one.who === here.account && one.messages.length));
const title = (channel) => (channel.type === DIRECT ? "Deskbell" : channel.name);

function tabs() {
  return rooms().map((channel) => {
    const last = channel.messages.at(-1)?.id || "0";
    if (channel.id === here.channel) here.seen[channel.id] = last;
    const fresh = channel.messages.filter((one) => BigInt(one.id) > BigInt(here.seen[channel.id] || 0));
    const rung = fresh.filter((one) => rings(one) || channel.type === DIRECT).length;
    return h("button", { type: "button", class: `d-tab ${channel.id === here.channel ? "on" : ""} ${fresh.length ? "unread" : ""}`, onclick: () => go(channel.id) },
      h("span", { class: "d-hash" }, channel.type === DIRECT ? "@" : "#"), title(channel), rung ? h("b", { class: "d-badge" }, String(rung)) : null);
  });
}

const rings = (message) => message.everyone || message.rang.includes(here.account);

function go(channel, thread = "") {
  here.channel = channel;
  here.thread = thread;
  show();
}

// ---------------------------------------------------------------- messages

function avatar(id) {
  if (id === BOT) return h("img", { class: "d-avatar", src: "/page/bell.svg", alt: "" });
  return h("span", { class: "d-avatar", style: { background: colour(id) } }, initials(names.person(id)));
}

const hex = (number) => `#${(number ?? 0x4e5058).toString(16).padStart(6, "0")}`;

function embed(one) {
  const fields = (one.fields || []).map((field) => h("div", { class: field.inline ? "d-field inline" : "d-field" },
    h("b", {}, markdown(field.name, names)), markdown(field.value, names)));
  return h("div", { class: "d-embed", style: { borderLeftColor: hex(one.color) } },
    one.title && h("div", { class: "d-embed-title" }, markdown(one.title, names)),
    one.description && h("div", { class: "d-embed-text" }, markdown(one.description, names)),
    fields.length ? h("div", { class: "d-fields" }, fields) : null,
    one.footer && h("div", { class: "d-foot" }, one.footer.text));
}

function press(message, custom_id, values) {
  return doing(() => act("tap", { who: here.me, channel: message.channel, message: message.id, custom_id, values }));
}

function component(one, message) {
  if (one.type === BUTTON && one.style === 5) return h("a", { class: "d-button link", href: one.url, target: "_blank", rel: "noreferrer" }, one.label);
  if (one.type === BUTTON) {
    return h("button", { type: "button", class: `d-button ${STYLES[one.style] || ""}`, disabled: Boolean(one.disabled),
      onclick: (event) => busy(event.currentTarget, press(message, one.custom_id)) }, one.label);
  }
  return h("select", { class: "d-menu", "aria-label": one.placeholder || "choose", onchange: (event) => press(message, one.custom_id, [event.target.value]) },
    h("option", { value: "", selected: true, disabled: true }, one.placeholder || "Make a selection"), options(one));
}

function options(menu) {
  const offered = menu.type === PEOPLE ? server.people.filter((one) => one.ours).map((one) => ({ value: one.id, label: one.name })) : menu.options || [];
  return offered.map((one) => h("option", { value: one.value }, one.description ? `${one.label} · ${one.description}` : one.label));
}

async function busy(node, work) {
  node.classList.add("busy");
  await work;
  node.classList.remove("busy");
}

const rows = (message) => message.components.map((row) => h("div", { class: "d-row" }, (row.components || []).map((one) => component(one, message))));

function reference(message, list) {
  const target = list.find((one) => one.id === message.reference);
  if (!message.reference) return null;
  return h("div", { class: "d-reply" }, target ? [h("b", {}, names.person(target.author)), ` ${target.content.split("\n")[0].replaceAll("\\", "")}`] : "Original message was deleted");
}

function thread(message) {
  const found = server.channels.find((one) => one.id === message.thread);
  if (!found) return null;
  const count = found.messages.length;
  return h("button", { type: "button", class: "d-thread", onclick: () => go(here.channel, found.id) },
    h("b", {}, found.name), h("span", {}, `${count} ${count === 1 ? "message" : "messages"} ›`));
}

function messageNode(message, list) {
  return h("article", { class: `d-message ${message.only ? "whisper" : ""} ${rings(message) ? "rung" : ""}`, "data-id": message.id },
    reference(message, list), avatar(message.author),
    h("div", { class: "d-body" },
      h("div", { class: "d-from" }, h("b", {}, names.person(message.author)), message.author === BOT && h("span", { class: "d-app" }, "APP"), h("time", {}, clock(message.at))),
      message.content && h("div", { class: "d-content" }, markdown(message.content, names), message.edited ? h("span", { class: "d-edited" }, "(edited)") : null),
      message.embeds.map(embed), rows(message), thread(message),
      message.only && h("div", { class: "d-only" }, "👁 Only you can see this · ",
        h("button", { type: "button", onclick: () => { here.dismissed.add(message.id); show(); } }, "Dismiss message"))));
}

// Each message is rebuilt only when it changed; the list keeps its place unless it stood at the end.
function fill(box, key, list) {
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const switched = box.dataset.key !== key;
  if (switched) box.replaceChildren();
  box.dataset.key = key;
  const known = new Map([...box.children].map((node) => [node.dataset.id, node]));
  for (const [id, node] of known) if (!list.some((message) => message.id === id)) node.remove();
  list.forEach((message, index) => {
    const made = JSON.stringify([message, server.channels.find((one) => one.id === message.thread)?.messages.length]);
    const old = known.get(message.id);
    if (old?.made === made) return;
    const node = messageNode(message, list);
    node.made = made;
    if (old) old.replaceWith(node);
    else {
      if (!switched) node.classList.add("fresh");
      box.insertBefore(node, box.children[index] || null);
    }
  });
  if (switched || atEnd) box.scrollTop = box.scrollHeight;
}

const byAge = (a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1);
const whispers = (channel) => server.whispers.filter((one) => one.only === here.account && one.channel === channel && !here.dismissed.has(one.id));

// ---------------------------------------------------------------- forms

function input(field) {
  const attributes = { name: field.custom_id, class: "d-input", maxlength: String(field.max_length || 4000), required: field.required !== false };
  if (field.type === INPUT) return h(field.style === 2 ? "textarea" : "input", { ...attributes, placeholder: field.placeholder, rows: "3" });
  return h("select", { name: field.custom_id, class: "d-input", required: field.required !== false }, h("option", { value: "" }, field.placeholder || "Make a selection"), options(field));
}

function form(open) {
  const send = async (event) => {
    event.preventDefault();
    const fields = {};
    for (const part of open.components) {
      const field = part.component || part.components[0];
      const { value } = event.currentTarget.elements[field.custom_id];
      fields[field.custom_id] = field.type === INPUT ? value : [value].filter(Boolean);
    }
    await busy(event.currentTarget, doing(() => act("submit", { form: open.id, fields })));
  };
  const close = () => doing(() => act("close", { form: open.id }));
  return h("form", { class: "d-modal", onsubmit: send },
    h("div", { class: "d-modal-head" }, h("h3", {}, open.title), h("button", { type: "button", "aria-label": "close", onclick: close }, "✕")),
    open.components.map((part) => h("label", { class: "d-label" }, h("span", {}, part.label, part.component?.required !== false && h("i", {}, " *")),
      part.description && h("small", {}, part.description), input(part.component || part.components[0]))),
    h("div", { class: "d-modal-foot" }, h("button", { type: "button", class: "d-button", onclick: close }, "Cancel"),
      h("button", { type: "submit", class: "d-button primary" }, "Submit")));
}

// ---------------------------------------------------------------- typing

// The command that a line begins with: its path, its options, and the words behind them.
function typed(text) {
  const words = text.replace(/^\//, "").split(" ");
  const command = server.commands.find((one) => one.name === words[0]);
  const sub = command?.options.find((one) => one.type === 1 && one.name === words[1]);
  const inside = sub || (command && !command.options.some((one) => one.type === 1) ? command : null);
  return { command, inside, path: sub ? `${words[0]} ${words[1]}` : words[0], rest: words.slice(sub ? 2 : 1) };
}

async function suggestions(text) {
  if (!text.startsWith("/")) return [];
  const { command, inside, path, rest } = typed(text);
  if (!inside) {
    const all = server.commands.flatMap((one) => (one.options.some((sub) => sub.type === 1)
      ? one.options.map((sub) => [`/${one.name} ${sub.name} `, sub]) : [[`/${one.name} `, one]]));
    return all.filter(([line]) => line.startsWith(command ? `${text.trimEnd()}` : text)).slice(0, 8).map(([line, one]) => ({ line, label: line.trim(), note: one.description }));
  }
  const option = inside.options[rest.length - 1];
  if (!option || !TYPING[option.name]) return option ? [{ label: option.name, note: option.description }] : [];
  const word = rest.at(-1);
  const found = await act("suggest", { who: here.me, channel: here.channel, path, option: option.name, typed: word, given: {} }).catch(() => []);
  const head = text.slice(0, text.length - word.length);
  return (found || []).slice(0, 8).map((one) => ({ line: `${head}${one.value} `, label: one.value, note: one.name }));
}

let asking = 0;
async function suggest() {
  const mine = (asking += 1);
  const found = await suggestions(parts.line.value);
  if (mine !== asking) return;
  parts.hints.hidden = !found.length;
  parts.hints.replaceChildren(...found.map((one) => h("button", { type: "button", disabled: !one.line,
    onclick: () => { parts.line.value = one.line; parts.line.focus(); suggest(); } }, h("b", {}, one.label), h("span", {}, one.note))));
}

async function send(event) {
  event.preventDefault();
  const text = parts.line.value.trim();
  if (!text) return;
  asking += 1;
  parts.hints.hidden = true;
  parts.line.value = "";
  const line = text.startsWith("/") ? text : `/desk ${text}`;
  const done = await doing(() => act("type", { who: here.me, channel: here.channel, text: line }));
  if (!done) parts.line.value = text;
}

// ---------------------------------------------------------------- all of it

function build(root) {
  parts = {
    tabs: h("nav", { class: "d-tabs" }),
    list: h("div", { class: "d-list", tabindex: "0", "aria-live": "polite" }),
    hints: h("div", { class: "d-hints", hidden: true }),
    line: h("input", { class: "d-line-in", autocomplete: "off", spellcheck: "false", "aria-label": "Message", oninput: suggest }),
    side: h("aside", { class: "d-side", hidden: true }),
    modal: h("div", { class: "d-modal-back", hidden: true }),
  };
  parts.composer = h("form", { class: "d-composer", onsubmit: send }, parts.hints, parts.line);
  root.replaceChildren(parts.tabs, parts.list, parts.composer, parts.side, parts.modal);
}

function side() {
  const found = server.channels.find((one) => one.id === here.thread && one.type === THREAD);
  parts.side.hidden = !found;
  if (!found) return;
  render(parts.side, [found], () => [
    h("div", { class: "d-side-head" }, h("b", {}, found.name), h("button", { type: "button", "aria-label": "close", onclick: () => go(here.channel) }, "✕")),
    h("div", { class: "d-side-list" }, found.messages.map((one) => messageNode(one, found.messages)))]);
}

function show() {
  const known = rooms();
  const channel = known.find((one) => one.id === here.channel) || known[0];
  if (!channel) return;
  here.channel = channel.id;
  render(parts.tabs, [known.map((one) => [one.id, one.messages.at(-1)?.id, one.messages.length]), here.channel, here.account], tabs);
  fill(parts.list, `${channel.id}${here.account}`, [...channel.messages, ...whispers(channel.id)].sort(byAge));
  parts.line.placeholder = channel.type === DIRECT ? "Message @Deskbell" : `Message #${channel.name}, or type /desk`;
  parts.composer.hidden = channel.type === DIRECT;
  side();
  const open = server.forms.filter((one) => one.who === here.account).at(-1);
  parts.modal.hidden = !open;
  render(parts.modal, open ? [open.id] : [], () => (open ? form(open) : []));
}

export function draw(root, state, how, me) {
  server = state;
  act = how;
  here.me = me;
  here.account = state.people.find((one) => one.short === me)?.id || "";
  if (!parts) build(root);
  show();
}
