// Telegram: rooms, bubbles, inline keyboards, boxes for one person, and a line to type in.
import { clock, colour, h, initials, render, toast } from "./dom.js";

const kept = new WeakMap(); // root -> what this pane remembers between two states
const WAITS = "Pressed; the answer is on its way";

export function draw(root, state, act, me) {
  const pane = kept.get(root) || build(root);
  Object.assign(pane, { state, act });
  if (pane.me !== me) Object.assign(pane, { me, room: "", reply: null, shown: new Set(state.toasts.map((one) => one.id)) });
  const rooms = state.rooms.filter((room) => !room.private || room.private === me);
  const user = state.users.find((one) => one.who === me);
  const own = String(user?.id ?? "");
  if (!rooms.some((room) => room.id === own)) rooms.push({ id: own, title: state.bot.name, private: me, members: 2, in: true });
  if (!rooms.some((room) => room.id === pane.room)) pane.room = rooms[0].id;
  const room = rooms.find((one) => one.id === pane.room);
  drawRooms(pane, rooms);
  drawHead(pane, room, user);
  drawMessages(pane, room, user);
  drawComposer(pane, room, user);
  drawToasts(pane);
}

function build(root) {
  const pane = { root, room: "", reply: null, seen: {}, shown: new Set(), me: null, busy: new Set() };
  pane.rooms = h("nav", { class: "tg-rooms", "aria-label": "Chats" });
  pane.head = h("div", { class: "tg-head" });
  pane.list = h("div", { class: "tg-list", tabindex: "0", "aria-live": "polite" });
  pane.bar = h("div", { class: "tg-reply", hidden: true });
  pane.words = h("input", { autocomplete: "off", spellcheck: "false", "aria-label": "Message", oninput: () => suggest(pane) });
  pane.menu = h("div", { class: "tg-commands", hidden: true });
  pane.start = h("button", { type: "button", class: "tg-start", hidden: true, onclick: () => doing(pane.act("start", { who: pane.me })) }, "START");
  pane.form = h("form", { class: "tg-composer", onsubmit: (event) => send(pane, event) }, pane.words,
    h("button", { type: "submit", "aria-label": "Send" }, "➤"));
  pane.box = h("div", { class: "tg-box-back", hidden: true });
  pane.float = h("div", { class: "tg-toast", hidden: true, role: "status" });
  root.replaceChildren(pane.rooms, pane.head, pane.list, pane.bar, pane.menu, pane.start, pane.form, pane.box, pane.float);
  kept.set(root, pane);
  return pane;
}

async function doing(work) {
  try {
    return await work;
  } catch (error) {
    toast(`Telegram: ${error.message}`);
    return null;
  }
}

const again = (pane) => draw(pane.root, pane.state, pane.act, pane.me);

// ---------------------------------------------------------------- rooms

function drawRooms(pane, rooms) {
  const messages = pane.state.messages;
  const last = (room) => messages[room.id]?.at(-1)?.id || 0;
  pane.seen[pane.room] = last({ id: pane.room });
  const lines = rooms.map((room) => {
    const unread = (messages[room.id] || []).filter((one) => one.bot && one.id > (pane.seen[room.id] || 0)).length;
    return { ...room, unread: room.id === pane.room ? 0 : unread, on: room.id === pane.room };
  });
  render(pane.rooms, lines, () => lines.map((room) => h("button", { type: "button", class: room.on ? "on" : "", "aria-pressed": String(room.on),
    onclick: () => { pane.room = room.id; pane.reply = null; again(pane); } },
  face(room), h("span", {}, room.title), room.unread ? h("b", { class: "tg-badge" }, String(room.unread)) : null)));
}

function face(room) {
  if (room.private) return h("img", { class: "tg-face", src: "/page/bell.svg", alt: "" });
  return h("span", { class: "tg-face", style: { background: colour(room.id) } }, room.of ? "#" : initials(room.title));
}

function drawHead(pane, room, user) {
  const blocked = Boolean(room.private && user?.blocked);
  render(pane.head, [room, blocked, pane.state.bot], () => [face(room), h("div", {},
    h("b", {}, room.of ? `${room.of} › ${room.title}` : room.title),
    h("small", {}, room.private ? `bot, @${pane.state.bot.username}` : room.in ? `${room.members} members` : "Deskbell is not in this group")),
  room.private && user?.started ? h("button", { type: "button", class: "tg-stop", onclick: () => doing(pane.act(blocked ? "unblock" : "block", { who: pane.me })) },
    blocked ? "Unblock" : "Stop bot") : null,
  !room.private && !room.in ? h("button", { type: "button", class: "tg-stop", onclick: () => doing(pane.act("add_bot", { room: room.id })) }, "Invite bot") : null]);
}

// ---------------------------------------------------------------- messages

// Each bubble is rebuilt only when it changed; the list keeps its place unless it stood at the end.
function drawMessages(pane, room, user) {
  const { list } = pane;
  const messages = pane.state.messages[room.id] || [];
  const waiting = new Set(pane.state.waiting.filter(([, , who]) => who === pane.me).map(([chat, id]) => `${chat}/${id}`));
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const place = `${room.id} ${pane.me}`;
  const switched = list.dataset.place !== place;
  if (switched) list.replaceChildren();
  list.dataset.place = place;
  const known = new Map([...list.children].map((node) => [node.dataset.id, node]));
  for (const [id, node] of known) if (!messages.some((one) => String(one.id) === id)) node.remove();
  let grew = false;
  messages.forEach((message, index) => {
    const next = messages[index + 1];
    const tail = !next || next.from !== message.from || Boolean(next.service);
    const spins = waiting.has(`${room.id.split("/")[0]}/${message.id}`);
    const key = JSON.stringify([message, tail, spins]);
    const old = known.get(String(message.id));
    if (old?.made === key) return;
    const node = message.service ? service(message) : bubble(pane, room, message, tail, spins, user);
    node.made = key;
    node.dataset.id = String(message.id);
    if (old) {
      if (!spins && !old.made.endsWith("true]")) node.classList.add("changed");
      old.replaceWith(node);
    } else {
      grew = true;
      if (!switched) node.classList.add("fresh");
      list.insertBefore(node, list.children[index] || null);
    }
  });
  if (switched || (atEnd && (grew || messages.length))) list.scrollTop = list.scrollHeight;
}

const SERVICE = { migrate_to_chat_id: "This group was upgraded to a supergroup", migrate_from_chat_id: "The group is a supergroup now" };
const service = (message) => h("div", { class: "tg-service" }, SERVICE[message.service] || message.service);

function bubble(pane, room, message, tail, spins, user) {
  const mine = message.from === user?.id;
  const hue = message.bot ? "#3390ec" : colour(message.name);
  const avatar = mine || room.private ? null : h("span", { class: "tg-avatar", style: { background: tail ? hue : "transparent" } },
    tail ? (message.bot ? h("img", { src: "/page/bell.svg", alt: "" }) : initials(message.name)) : "");
  const act = () => { pane.reply = { id: message.id, name: message.name, text: message.text, room: room.id }; pane.words.focus(); again(pane); };
  return h("article", { class: `tg-message ${mine ? "mine" : ""} ${tail ? "tail" : ""}` }, avatar,
    h("div", { class: "tg-column" },
      h("div", { class: "tg-bubble", ondblclick: act, title: "Double click: reply" },
        !mine && !room.private ? h("div", { class: "tg-name", style: { color: hue } }, message.name) : null,
        message.quote ? h("div", { class: "tg-quote" }, h("b", {}, message.quote.name), h("span", {}, message.quote.text.split("\n")[0])) : null,
        h("div", { class: "tg-text" }, formatted(message.text, message.entities),
          h("span", { class: "tg-time" }, message.silent ? "🔕 " : "", message.edited ? "edited " : "", clock(message.at), mine ? h("i", {}, " ✓✓") : null))),
      keyboard(pane, room, message, spins)));
}

function keyboard(pane, room, message, spins) {
  if (!message.keyboard.length) return null;
  const press = (button) => async (event) => {
    const node = event.currentTarget;
    node.classList.add("waits");
    const done = await doing(pane.act("tap", { who: pane.me, room: room.id, id: message.id, data: button.callback_data }));
    node.classList.remove("waits");
    if (done && !done.answered) toast("Telegram: the bot did not answer");
  };
  return h("div", { class: `tg-keys ${spins ? "spins" : ""}`, title: spins ? WAITS : undefined }, message.keyboard.map((row) => h("div", {}, row.map((button) => (button.url
    ? h("button", { type: "button", class: "link", onclick: () => follow(pane, button.url) }, button.text, h("i", {}, "↗"))
    : h("button", { type: "button", class: button.style || "", onclick: press(button) }, button.text))))));
}

// A link to the bot opens its chat, a link to a message shows it; all others are the reader's to open.
function follow(pane, url) {
  const own = url.startsWith(`https://t.me/${pane.state.bot.username}`);
  const card = /^https:\/\/t\.me\/c\/(\d+)\/(?:(\d+)\/)?(\d+)$/.exec(url);
  if (own) {
    pane.room = String(pane.state.users.find((one) => one.who === pane.me).id);
    const payload = new URL(url).searchParams.get("start");
    if (payload) doing(pane.act("start", { who: pane.me, payload }));
    again(pane);
  } else if (card) {
    pane.room = `-100${card[1]}${card[2] ? `/${card[2]}` : ""}`;
    again(pane);
    const node = pane.list.querySelector(`[data-id="${card[3]}"]`);
    node?.scrollIntoView({ block: "center" });
    node?.classList.add("fresh");
  } else if (/^https?:/.test(url)) {
    window.open(url, "_blank", "noopener");
  }
}

// ---------------------------------------------------------------- text and entities

const TAGS = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", expandable_blockquote: "blockquote", spoiler: "span" };

// Entities nest; offsets are UTF-16 units, which is what JavaScript counts in.
function formatted(text, entities) {
  const all = entities.filter((one) => one.length > 0).sort((a, b) => a.offset - b.offset || b.length - a.length);
  const walk = (from, to, inner) => {
    const out = [];
    let at = from;
    for (let index = 0; index < inner.length;) {
      const one = inner[index];
      const end = Math.min(one.offset + one.length, to);
      let next = index + 1;
      while (next < inner.length && inner[next].offset < end) next += 1;
      if (one.offset >= at) {
        if (one.offset > at) out.push(text.slice(at, one.offset));
        out.push(element(one, text.slice(one.offset, end), walk(one.offset, end, inner.slice(index + 1, next))));
        at = one.type.endsWith("blockquote") && text[end] === "\n" ? end + 1 : end; // a quote ends its line by itself
      }
      index = next;
    }
    if (at < to) out.push(text.slice(at, to));
    return out;
  };
  return walk(0, text.length, all);
}

function element(one, covered, inside) {
  if (one.type === "text_link" && /^https?:/.test(one.url)) return h("a", { href: one.url, target: "_blank", rel: "noopener noreferrer" }, inside);
  if (one.type === "code") return h("code", { title: "Tap: copy", onclick: () => navigator.clipboard?.writeText(covered) }, inside);
  if (TAGS[one.type]) return h(TAGS[one.type], {}, inside);
  return h("span", { class: "tg-live" }, inside);
}

// ---------------------------------------------------------------- answers for one person

function drawToasts(pane) {
  const fresh = pane.state.toasts.filter((one) => one.who === pane.me && !pane.shown.has(one.id));
  for (const one of fresh) {
    pane.shown.add(one.id);
    if (!one.text) continue;
    if (one.alert) box(pane, one);
    else float(pane, one.text);
  }
}

function float(pane, text) {
  pane.float.textContent = text;
  pane.float.hidden = false;
  clearTimeout(pane.hiding);
  pane.hiding = setTimeout(() => { pane.float.hidden = true; }, 4500);
}

function box(pane, one) {
  const close = () => { pane.box.hidden = true; };
  pane.box.hidden = false;
  pane.box.replaceChildren(h("div", { class: "tg-box", role: "alertdialog" }, h("b", {}, pane.state.bot.name), h("p", {}, one.text),
    h("div", {}, one.url ? h("button", { type: "button", onclick: () => { close(); follow(pane, one.url); } }, "Open chat") : null,
      h("button", { type: "button", onclick: close }, "OK"))));
}

// ---------------------------------------------------------------- typing

function drawComposer(pane, room, user) {
  const messages = pane.state.messages[room.id] || [];
  const prompt = messages.filter((one) => one.asks && (room.private || one.text.startsWith(user.name))).at(-1);
  if (prompt && pane.asked !== prompt.id) {
    pane.asked = prompt.id;
    pane.reply = { id: prompt.id, name: prompt.name, text: prompt.text, room: room.id };
    pane.words.focus();
  }
  if (pane.reply && (pane.reply.room !== room.id || !messages.some((one) => one.id === pane.reply.id))) pane.reply = null;
  const stranger = Boolean(room.private && (!user.started || user.blocked));
  pane.start.hidden = !stranger;
  pane.start.textContent = user.blocked ? "RESTART" : "START";
  pane.form.hidden = stranger;
  pane.bar.hidden = !pane.reply || stranger;
  pane.words.placeholder = pane.reply && prompt?.id === pane.reply.id ? prompt.placeholder || "Reply" : "Message";
  render(pane.bar, pane.reply || {}, () => (pane.reply ? [h("span", { class: "tg-arrow" }, "↩"),
    h("div", {}, h("b", {}, `Reply to ${pane.reply.name}`), h("span", {}, pane.reply.text.split("\n")[0])),
    h("button", { type: "button", "aria-label": "no reply", onclick: () => { pane.reply = null; again(pane); } }, "✕")] : []));
}

function suggest(pane) {
  const typed = pane.words.value;
  const found = /^\/\w*$/.test(typed) ? pane.state.commands.filter((one) => `/${one.command}`.startsWith(typed)).slice(0, 6) : [];
  pane.menu.hidden = !found.length;
  render(pane.menu, found, () => found.map((one) => h("button", { type: "button", onclick: () => {
    pane.words.value = `/${one.command} `;
    pane.menu.hidden = true;
    pane.words.focus();
  } }, h("b", {}, `/${one.command}`), h("span", {}, one.description))));
}

async function send(pane, event) {
  event.preventDefault();
  const text = pane.words.value.trim();
  if (!text) return;
  const reply = pane.reply;
  pane.words.value = "";
  pane.reply = null;
  pane.menu.hidden = true;
  pane.list.scrollTop = pane.list.scrollHeight;
  await doing(pane.act("say", { who: pane.me, room: pane.room, text, ...(reply ? { id: reply.id } : {}) }));
}
