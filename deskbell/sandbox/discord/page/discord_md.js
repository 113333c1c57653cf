// Discord's markdown, as far as messages here use it. Nodes are built, never parsed: what a backslash precedes is only itself.
import { h } from "./dom.js";

const INLINE = [
  [/^\\([^0-9A-Za-z\s])/, (m) => m[1]],
  [/^```(?:\w+\n)?([\s\S]+?)```/, (m) => h("pre", {}, m[1])],
  [/^`([^`\n]+)`/, (m) => h("code", {}, m[1])],
  [/^\*\*([\s\S]+?)\*\*(?!\*)/, (m, names) => h("strong", {}, inline(m[1], names))],
  [/^__([\s\S]+?)__(?!_)/, (m, names) => h("u", {}, inline(m[1], names))],
  [/^~~([\s\S]+?)~~/, (m, names) => h("s", {}, inline(m[1], names))],
  [/^\|\|([\s\S]+?)\|\|/, (m, names) => h("span", { class: "d-spoiler" }, inline(m[1], names))],
  [/^\*([^\s*](?:[^*]*[^\s*])?)\*/, (m, names) => h("em", {}, inline(m[1], names))],
  [/^_([^\s_](?:[^_]*[^\s_])?)_(?!\w)/, (m, names) => h("em", {}, inline(m[1], names))],
  [/^\[([^\]\n]+)\]\(<?(https?:\/\/[^\s<>)]+)>?\)/, (m, names) => h("a", { href: m[2], target: "_blank", rel: "noreferrer" }, inline(m[1], names))],
  [/^<@!?(\d+)>/, (m, names) => h("span", { class: "d-mention" }, `@${names.person(m[1])}`)],
  [/^<@&(\d+)>/, (m, names) => h("span", { class: "d-mention" }, `@${names.role(m[1])}`)],
  [/^<#(\d+)>/, (m, names) => h("span", { class: "d-mention" }, `#${names.channel(m[1])}`)],
  [/^@(?:everyone|here)/, (m) => h("span", { class: "d-mention" }, m[0])],
  [/^<?(https?:\/\/[^\s<>]+)>?/, (m) => h("a", { href: m[1], target: "_blank", rel: "noreferrer" }, m[1])],
];
const PLAIN = /^[^\\`*_~|[<@h]+|^[\s\S]/;

function inline(text, names) {
  const out = [];
  let rest = text;
  let plain = "";
  const flush = () => { if (plain) out.push(plain); plain = ""; };
  while (rest) {
    const rule = INLINE.find(([pattern]) => pattern.test(rest));
    const found = rule ? rest.match(rule[0]) : rest.match(PLAIN);
    const made = rule ? rule[1](found, names) : found[0];
    if (typeof made === "string") plain += made;
    else { flush(); out.push(made); }
    rest = rest.slice(found[0].length);
  }
  flush();
  return out;
}

const BLOCKS = [
  [/^-# (.*)/, "d-small"],
  [/^### (.*)/, "d-h3"],
  [/^## (.*)/, "d-h2"],
  [/^# (.*)/, "d-h1"],
  [/^> (.*)/, "d-quote"],
  [/^[-*] (.*)/, "d-item"],
];

export function markdown(text, names) {
  return (text || "").split("\n").map((line) => {
    const block = BLOCKS.find(([pattern]) => pattern.test(line));
    return h("div", { class: block ? block[1] : "d-line" }, inline(block ? line.match(block[0])[1] : line, names));
  });
}
