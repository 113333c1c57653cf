// Slack's mrkdwn to nodes: *bold*, _italic_, ~strike~, `code`, ```blocks```, <links|text>, mentions, emoji, entities.
import { h } from "./dom.js";

const EMOJI = {
  rotating_light: "🚨", warning: "⚠️", white_check_mark: "✅", heavy_check_mark: "✔️", eyes: "👀", bell: "🔔", no_bell: "🔕",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", alarm_clock: "⏰", fire: "🔥", x: "❌", red_circle: "🔴",
  large_orange_circle: "🟠", large_yellow_circle: "🟡", large_green_circle: "🟢", large_blue_circle: "🔵", white_circle: "⚪",
  large_purple_circle: "🟣", black_circle: "⚫", zzz: "💤", arrow_up: "⬆️", arrow_right: "➡️", arrow_down: "⬇️",
  arrows_counterclockwise: "🔄", leftwards_arrow_with_hook: "↩️", wrench: "🔧", hammer_and_wrench: "🛠️", truck: "🚚", calendar: "📅",
  date: "📅", telephone_receiver: "📞", phone: "☎️", no_entry: "⛔", no_entry_sign: "🚫", mag: "🔍", memo: "📝", pencil: "📝",
  bust_in_silhouette: "👤", busts_in_silhouette: "👥", clock3: "🕒", information_source: "ℹ️", sos: "🆘", exclamation: "❗",
  question: "❓", speech_balloon: "💬", link: "🔗", bar_chart: "📊", tada: "🎉", wave: "👋", "+1": "👍", thumbsup: "👍", loudspeaker: "📢",
  mega: "📣", raised_hand: "✋", lock: "🔒", key: "🔑", robot_face: "🤖", construction_worker: "👷", factory: "🏭", pushpin: "📌",
  small_red_triangle: "🔺", point_right: "👉", heavy_plus_sign: "➕", stopwatch: "⏱️", satellite_antenna: "📡", electric_plug: "🔌",
};

const decode = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
const shortcodes = (text) => text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] ?? all);
const plainText = (text) => document.createTextNode(shortcodes(decode(text)));

// In this order: what is code is not looked into further.
const RULES = [
  [/```([\s\S]+?)```/, (m) => h("pre", {}, decode(m[1].replace(/^\n|\n$/g, "")))],
  [/`([^`\n]+)`/, (m) => h("code", {}, decode(m[1]))],
  [/<([^<>\n]+)>/, (m, names) => angle(m[1], names)],
  [/(?<![\w*])\*(?!\s)([^*\n]+?)(?<!\s)\*(?![\w*])/, (m, names) => h("strong", {}, inline(m[1], names))],
  [/(?<![\w_])_(?!\s)([^_\n]+?)(?<!\s)_(?![\w_])/, (m, names) => h("em", {}, inline(m[1], names))],
  [/(?<![\w~])~(?!\s)([^~\n]+?)(?<!\s)~(?![\w~])/, (m, names) => h("s", {}, inline(m[1], names))],
];

function angle(inside, names) {
  const [what, label] = [inside.split("|")[0], inside.split("|").slice(1).join("|")];
  if (what.startsWith("@")) return h("span", { class: "pill" }, `@${names.user(what.slice(1))}`);
  if (what.startsWith("#")) return h("span", { class: "pill" }, `#${names.channel(what.slice(1))}`);
  if (what.startsWith("!date^")) return plainText(date(what, label));
  if (what.startsWith("!subteam^")) return h("span", { class: "pill" }, decode(label || "@group"));
  if (what.startsWith("!")) return h("span", { class: "pill loud" }, `@${what.slice(1)}`);
  const target = decode(what);
  if (!/^(https?:|mailto:|tel:)/i.test(target)) return document.createTextNode(`<${decode(inside)}>`);
  return h("a", { href: target, target: "_blank", rel: "noopener noreferrer" }, shortcodes(decode(label || target.replace(/^mailto:/, ""))));
}

function date(what, fallback) {
  const [, stamp, format] = what.split("^");
  const when = new Date(Number(stamp) * 1000);
  if (Number.isNaN(when.getTime()) || !format) return decode(fallback || "");
  const time = { hour: "2-digit", minute: "2-digit" };
  const tokens = {
    time: when.toLocaleTimeString([], time), time_secs: when.toLocaleTimeString(), date_num: when.toISOString().slice(0, 10),
    date: when.toLocaleDateString([], { dateStyle: "long" }), date_short: when.toLocaleDateString([], { dateStyle: "medium" }),
    date_pretty: when.toLocaleDateString([], { dateStyle: "long" }), date_short_pretty: when.toLocaleDateString([], { dateStyle: "medium" }),
  };
  return format.replace(/\{(\w+)\}/g, (all, name) => tokens[name] ?? all);
}

function inline(text, names) {
  let best = null;
  for (const [pattern, make] of RULES) {
    const match = pattern.exec(text);
    if (match && (!best || match.index < best.match.index)) best = { match, make };
  }
  if (!best) return text ? [plainText(text)] : [];
  const { match, make } = best;
  const after = text.slice(match.index + match[0].length);
  return [...(match.index ? [plainText(text.slice(0, match.index))] : []), make(match, names), ...inline(after, names)];
}

export function mrkdwn(text, names) {
  const out = [];
  let quote = null;
  for (const line of text.replace(/```[\s\S]+?```/g, (block) => block.replaceAll("\n", "\u0000")).split("\n")) {
    const restored = line.replaceAll("\u0000", "\n");
    const quoted = /^(&gt;|>)\s?/.exec(restored);
    if (quoted) {
      quote ??= out[out.push(h("blockquote", {})) - 1];
      quote.append(...inline(restored.slice(quoted[0].length), names), h("br"));
    } else {
      if (out.length && !quote) out.push(h("br"));
      quote = null;
      out.push(...inline(restored, names));
    }
  }
  return out;
}

export function textObject(object, names) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text, names);
  const lines = (object.emoji === false ? object.text : shortcodes(object.text)).split("\n");
  return lines.flatMap((line, index) => (index ? [h("br"), line] : [line]));
}
