// The part of Adaptive Cards that Deskbell uses, drawn as Teams draws it. `press(path, values)` is what a button does.
import { h } from "./dom.js";

const PRIMARY = 6;
const kept = (row) => { let count = 0; return row.filter((one) => one.mode === "secondary" || count++ < PRIMARY); };

// Every row of buttons as it is read: those between the texts, then those at the end.
function rowsOf(card) {
  const rows = [];
  const walk = (node) => {
    if (Array.isArray(node)) node.forEach(walk);
    else if (node && typeof node === "object" && !String(node.type || "").startsWith("Action.")) {
      if (node.type === "ActionSet") rows.push(kept(node.actions));
      Object.values(node).forEach(walk);
    }
  };
  walk(card.body || []);
  rows.push(kept(card.actions || []));
  return rows;
}

export function card(json, context) {
  const rows = rowsOf(json);
  const starts = rows.map((_, index) => rows.slice(0, index).flat().length);
  let next = 0;
  const box = h("div", { class: "ac" });
  const part = (node) => {
    if (node.type === "ActionSet") { const at = next++; return row(rows[at], starts[at]); }
    if (node.type === "Container") return h("div", { class: `ac-container ${node.style || ""}` }, node.items.map(part));
    return (PARTS[node.type] || unknown)(node, context);
  };
  const row = (actions, start) => {
    if (!actions.length) return null;
    const below = h("div", { class: "ac-below" });
    let opened = -1;
    const button = (action, index) => h("button", { type: "button", class: `ac-button ${action.style || ""} ${action.type === "Action.ShowCard" ? "opens" : ""}`,
      onclick: async (event) => {
        if (action.type === "Action.OpenUrl") { window.open(action.url, "_blank", "noopener"); return; }
        if (action.type === "Action.ShowCard") {
          opened = opened === index ? -1 : index;
          below.replaceChildren(...(opened < 0 ? [] : [card(action.card, { ...context, path: [...context.path, start + index] })]));
          return;
        }
        const node = event.currentTarget;
        if (action.associatedInputs !== "none" && !valid(box)) return;
        node.classList.add("busy");
        await context.press([...context.path, start + index], action.associatedInputs === "none" ? {} : valuesOf(box));
        node.classList.remove("busy");
      } }, action.title);
    return h("div", { class: "ac-actions" }, h("div", { class: "ac-row" }, actions.map(button)), below);
  };
  box.append(...(json.body || []).map(part).filter(Boolean));
  const last = row(rows.at(-1), starts.at(-1));
  if (last) box.append(last);
  return box;
}

const unknown = (node) => h("div", { class: "ac-unknown" }, `[${node.type}]`);
const spaced = (node) => `space-${String(node.spacing || "Default").toLowerCase()}`;
const look = (node) => [node.weight === "Bolder" && "bold", node.isSubtle && "subtle", node.size && `size-${node.size.toLowerCase()}`, node.color && `colour-${node.color.toLowerCase()}`].filter(Boolean).join(" ");

const PARTS = {
  RichTextBlock: (node) => h("div", { class: `ac-text ${spaced(node)}` }, node.inlines.map((run) => (run.selectAction?.url
    ? h("a", { href: run.selectAction.url, target: "_blank", rel: "noopener noreferrer", class: look(run) }, run.text)
    : h("span", { class: look(run) }, run.text)))),
  TextBlock: (node) => h("div", { class: `ac-text ${spaced(node)} ${look(node)}` }, mentions(node.text)),
  "Input.Text": (node) => h("label", { class: "ac-input" }, h("span", {}, node.label || ""),
    node.isMultiline ? h("textarea", { rows: "2", ...field(node) }) : h("input", { type: "text", ...field(node) })),
  "Input.ChoiceSet": (node, context) => choices(node, context),
};

const field = (node) => ({ "data-id": node.id, maxlength: node.maxLength ? String(node.maxLength) : undefined, placeholder: node.placeholder, autocomplete: "off" });

function choices(node, context) {
  const options = node.choices.map((one) => h("option", { value: one.value }, one.title));
  const menu = h("select", { "data-id": node.id }, h("option", { value: "" }, node.placeholder || "Choose"), options);
  const filter = node.style === "filtered" && h("input", { type: "search", placeholder: node.placeholder || "Type to search", oninput: async (event) => {
    const typed = event.target.value.toLowerCase();
    const asked = node["choices.data"] ? await context.search(node["choices.data"].dataset, typed) : node.choices.filter((one) => one.title.toLowerCase().includes(typed));
    menu.replaceChildren(h("option", { value: "" }, `${asked.length} found`), ...asked.map((one) => h("option", { value: one.value }, one.title)));
    if (asked.length === 1) menu.value = asked[0].value;
  } });
  return h("label", { class: "ac-input" }, h("span", {}, node.label || ""), filter, menu);
}

// <at>Name</at> in our own words is somebody who was rung.
export const mentions = (text) => String(text).split(/(<at>[^<]*<\/at>)/).filter(Boolean).map((piece) => {
  const name = piece.match(/^<at>([^<]*)<\/at>$/);
  return name ? h("span", { class: "at" }, name[1]) : piece;
});

function valuesOf(box) {
  const values = {};
  for (const node of box.querySelectorAll("[data-id]")) if (node.closest(".ac") === box) values[node.dataset.id] = node.value;
  return values;
}
const valid = (box) => [...box.querySelectorAll("[required]")].every((node) => node.reportValidity());
