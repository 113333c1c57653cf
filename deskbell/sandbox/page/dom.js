// Elements are built, never parsed: what comes from data is text and stays text.

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name === "style") Object.assign(node.style, value);
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

// Replace the children only when what they are made from has changed, so that nothing flickers or loses its focus.
const made = new WeakMap();
export function render(node, data, build) {
  const key = JSON.stringify(data);
  if (made.get(node) === key) return false;
  made.set(node, key);
  node.replaceChildren(...[build()].flat(3).filter(Boolean));
  return true;
}

export async function act(verb, args = {}) {
  const answer = await fetch("/_sandbox/do", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ do: verb, ...args }),
  });
  const body = await answer.json();
  if (!body.ok) throw new Error(body.error || "that did not work");
  return body.result;
}

let hiding = 0;
export function toast(text) {
  const node = byId("toast");
  node.textContent = text;
  node.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { node.hidden = true; }, 4500);
}

export const ZONE = "Europe/Berlin";
const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: ZONE });
const secondsFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: ZONE });
export const clock = (seconds) => clockFormat.format(new Date(seconds * 1000));
export const clockSeconds = (seconds) => secondsFormat.format(new Date(seconds * 1000));

export function span(seconds) {
  const whole = Math.abs(Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 5400) return `${Math.floor(whole / 60)} min${whole < 600 ? ` ${String(whole % 60).padStart(2, "0")} s` : ""}`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(whole / 86400)} days`;
}

const HUES = { U0DESKBELL: "#2b4a5e" };
export function colour(name) {
  if (HUES[name]) return HUES[name];
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return `hsl(${sum} 38% 45%)`;
}
export const initials = (name) => name.split(/\s+/).slice(0, 2).map((part) => part[0] || "").join("").toUpperCase();
