// Block Kit to nodes. `press(action_id, block_id, selected)` is what happens when something is used.
import { h } from "./dom.js";
import { mrkdwn, textObject } from "./mrkdwn.js";

export function blocks(list, context) {
  return (list || []).map((block) => (BLOCKS[block.type] || unknown)(block, context));
}

const unknown = (block) => h("div", { class: "b-unknown" }, `[${block.type}]`);

const BLOCKS = {
  header: (block, context) => h("div", { class: "b-header" }, textObject(block.text, context.names)),
  divider: () => h("hr", { class: "b-divider" }),
  section: (block, context) => h("div", { class: "b-section" },
    h("div", { class: "b-body" },
      block.text && h("div", { class: "b-text" }, textObject(block.text, context.names)),
      block.fields && h("div", { class: "b-fields" }, block.fields.map((field) => h("div", {}, textObject(field, context.names))))),
    block.accessory && h("div", { class: "b-accessory" }, element(block.accessory, block, context))),
  context: (block, context) => h("div", { class: "b-context" },
    block.elements.map((part) => (part.type === "image" ? picture(part) : h("span", {}, textObject(part, context.names))))),
  actions: (block, context) => h("div", { class: "b-actions" }, block.elements.map((part) => element(part, block, context))),
  image: (block) => picture(block),
  markdown: (block, context) => h("div", { class: "b-text" }, mrkdwn(block.text.replaceAll("**", "*"), context.names)),
  input: (block, context) => h("label", { class: "b-input" },
    h("span", { class: "b-label" }, textObject(block.label, context.names), block.optional && h("i", {}, " (optional)")),
    element(block.element, block, context),
    block.hint && h("span", { class: "b-hint" }, textObject(block.hint, context.names)),
    h("span", { class: "b-error", "data-error": block.block_id })),
  rich_text: (block, context) => h("div", { class: "b-text" }, (block.elements || []).map((part) => richText(part, context))),
};

// Nothing is fetched from elsewhere: a picture is its description.
const picture = (part) => h("span", { class: "b-picture", title: part.alt_text }, "🖼 ", part.alt_text);

function richText(part, context) {
  if (part.type === "text") return part.style?.bold ? h("strong", {}, part.text) : part.text;
  if (part.type === "user") return h("span", { class: "pill" }, `@${context.names.user(part.user_id)}`);
  if (part.type === "link") return h("span", {}, part.text || part.url);
  return h("div", {}, (part.elements || []).map((below) => richText(below, context)));
}

function element(part, block, context) {
  const make = ELEMENTS[part.type];
  return make ? make(part, block, context) : h("span", { class: "b-unknown" }, `[${part.type}]`);
}

function button(part, block, context) {
  const press = async (event) => {
    event.preventDefault();
    if (part.confirm && !window.confirm(`${part.confirm.title.text}\n${part.confirm.text.text}`)) return;
    if (part.url) return;
    const node = event.currentTarget;
    node.classList.add("busy");
    await context.press(part.action_id, block.block_id);
    node.classList.remove("busy");
  };
  return h("button", { type: "button", class: `b-button ${part.style || ""}`, "data-action": part.action_id, onclick: press },
    textObject(part.text, context.names));
}

function optionsOf(part) {
  if (!part.option_groups) return (part.options || []).map(optionNode);
  return part.option_groups.map((group) => h("optgroup", { label: group.label.text }, group.options.map(optionNode)));
}
const optionNode = (option) => h("option", { value: option.value }, option.text.text);

function select(part, block, context, offered) {
  const first = h("option", { value: "", disabled: !context.form, selected: true }, part.placeholder?.text || "Choose…");
  const changed = (event) => {
    const value = event.target.value;
    if (!value || context.form) return;
    event.target.selectedIndex = 0;
    context.press(part.action_id, block.block_id, value);
  };
  const node = h("select", { class: "b-select", name: part.action_id, "data-type": part.type, onchange: changed }, first, offered);
  const chosen = part.initial_option?.value ?? part.initial_user;
  if (chosen) node.value = chosen;
  return node;
}

function overflow(part, block, context) {
  const menu = h("div", { class: "b-menu", hidden: true }, part.options.map((option) => h("button", {
    type: "button", onclick: () => { menu.hidden = true; context.press(part.action_id, block.block_id, option.value); },
  }, option.text.text)));
  return h("span", { class: "b-overflow" }, h("button", { type: "button", class: "b-button", onclick: () => { menu.hidden = !menu.hidden; } }, "•••"), menu);
}

function typed(part, type) {
  const props = {
    class: "b-typed", name: part.action_id, "data-type": part.type, placeholder: part.placeholder?.text,
    maxlength: part.max_length ? String(part.max_length) : "3000", autocomplete: "off",
  };
  const node = part.multiline ? h("textarea", { ...props, rows: "4" }) : h("input", { ...props, type });
  node.value = part.initial_value || "";
  return node;
}

function external(part, block, context) {
  const list = h("select", { class: "b-select", name: part.action_id, "data-type": part.type, hidden: true });
  let found = [];
  const search = async (event) => {
    found = await context.suggest(part.action_id, event.target.value);
    list.replaceChildren(...found.map(optionNode));
    list.hidden = !found.length;
  };
  list.readOption = () => found.find((option) => option.value === list.value) || null;
  return h("span", { class: "b-external" }, h("input", { class: "b-typed", placeholder: part.placeholder?.text || "Type to search", oninput: search }), list);
}

function choices(part, kind) {
  const chosen = new Set([part.initial_option, ...(part.initial_options || [])].filter(Boolean).map((option) => option.value));
  return h("span", { class: "b-choices", "data-type": part.type, "data-name": part.action_id }, part.options.map((option) => h("label", {},
    h("input", { type: kind, name: part.action_id, value: option.value, checked: chosen.has(option.value) }), " ", option.text.text)));
}

const ELEMENTS = {
  button, overflow, external_select: external,
  image: (part) => picture(part),
  static_select: (part, block, context) => select(part, block, context, optionsOf(part)),
  users_select: (part, block, context) => select(part, block, context,
    context.names.people().map((user) => h("option", { value: user.id }, user.real_name))),
  plain_text_input: (part) => typed(part, "text"),
  email_text_input: (part) => typed(part, "email"),
  url_text_input: (part) => typed(part, "url"),
  number_input: (part) => typed(part, "number"),
  datepicker: (part) => typed({ ...part, initial_value: part.initial_date }, "date"),
  timepicker: (part) => typed({ ...part, initial_value: part.initial_time }, "time"),
  radio_buttons: (part) => choices(part, "radio"),
  checkboxes: (part) => choices(part, "checkbox"),
};

// The values of a form, by action id.
export function valuesOf(form) {
  const values = {};
  for (const node of form.querySelectorAll("[data-type]")) {
    const name = node.getAttribute("name") || node.dataset.name;
    if (node.dataset.type === "external_select") values[name] = node.readOption();
    else if (node.dataset.type === "checkboxes") values[name] = [...node.querySelectorAll("input:checked")].map((box) => box.value);
    else if (node.dataset.type === "radio_buttons") values[name] = node.querySelector("input:checked")?.value ?? null;
    else values[name] = node.value === "" ? null : node.value;
  }
  return values;
}
