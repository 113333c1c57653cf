// Fetch the state whenever the sandbox says that something changed, and draw it.
import { act, byId, clockSeconds, h, render, toast } from "./dom.js";
import * as board from "./board.js";
import * as panes from "./panes.js";

const TROUBLE = [
  ["Field", ["late", "Technician late"], ["check_in", "Check in"], ["cancel", "Customer cancels"], ["reschedule", "To tomorrow"], ["no_show", "No-show"]],
  ["Tickets", ["urgent_ticket", "Urgent ticket"], ["near_sla", "Near its SLA"]],
  ["Accounts", ["payment_fails", "Payment fails"], ["suspend_account", "Suspend account"], ["payment_in", "Customer pays"]],
  ["Sources", ["break", "Freshdesk 500", { source: "freshdesk", fault: "500" }], ["break", "ServiceNow asleep", { source: "servicenow", fault: "html" }],
    ["break", "Field 401", { source: "fieldservice", fault: "401" }], ["heal", "Heal all"]],
];
let state = null;
let offset = 0;
const now = () => Date.now() / 1000 + offset;

// ---------------------------------------------------------------- drawing

function draw() {
  if (!state) return;
  panes.show(state);
  drawClocks();
  for (const name of ["fieldservice", "freshdesk", "servicenow", "billing"]) {
    const broken = state.faults.filter(([where]) => where === name).map(([, kind]) => kind);
    render(byId(`${name}-state`), broken, () => (broken.length ? h("span", { class: "chip bad" }, broken.join(", ")) : []));
  }
}

function drawClocks() {
  if (!state) return;
  byId("clock").textContent = clockSeconds(now());
  board.show(state, now());
  for (const name of ["freshdesk", "servicenow", "billing"]) board.queue(name, state[name], now());
}

function drawTrouble() {
  const run = (verb, args) => async (event) => {
    const button = event.currentTarget;
    button.classList.add("busy");
    try {
      const result = await act(verb, args || {});
      toast(typeof result === "string" ? `${button.textContent}: ${result}` : `${button.textContent}: done`);
    } catch (error) {
      toast(error.message);
    }
    button.classList.remove("busy");
  };
  byId("trouble").replaceChildren(h("b", {}, "Make trouble"), ...TROUBLE.map(([group, ...buttons]) => h("span", { class: "trouble-group", "aria-label": group },
    buttons.map(([verb, label, args]) => h("button", { type: "button", class: verb === "heal" ? "good" : "", onclick: run(verb, args) }, label)))));
}

// ---------------------------------------------------------------- the audit trail

async function audit() {
  let answer = { reachable: false, why: "the sandbox does not answer" };
  try { answer = await (await fetch("/_sandbox/audit")).json(); } catch { /* said below */ }
  const chain = byId("chain");
  if (!answer.reachable) {
    chain.className = "chain off";
    chain.textContent = `not reachable: ${answer.why}`;
    render(byId("audit"), [], () => h("p", { class: "empty" }, "Deskbell's own record of who did what appears here once it runs."));
    return;
  }
  chain.className = `chain ${answer.verified ? "ok" : "broken"}`;
  chain.textContent = answer.verified ? `chain verified ✓ ${answer.count}` : `CHAIN BROKEN, ${answer.count}`;
  const entries = [...(answer.entries || [])].sort((a, b) => b.seq - a.seq);
  render(byId("audit"), entries.map((entry) => entry.seq), () => entries.map((entry) => h("div", { class: "entry", title: entry.text || "" },
    h("span", { class: "seq" }, String(entry.seq)), h("time", {}, moment(entry.at)), h("b", {}, entry.actor || "Deskbell"),
    h("span", { class: "verb" }, entry.verb || ""), h("span", { class: "ref" }, entry.alert || ""), h("span", { class: "text" }, entry.text || ""))));
}

function moment(at) {
  const seconds = typeof at === "number" ? at : Date.parse(at) / 1000;
  return Number.isFinite(seconds) ? clockSeconds(seconds) : String(at);
}

// ---------------------------------------------------------------- fetching

let fetching = false;
let again = false;
async function refresh() {
  if (fetching) { again = true; return; }
  fetching = true;
  try {
    state = await (await fetch("/_sandbox/state")).json();
    offset = state.now - Date.now() / 1000;
    draw();
  } catch (error) {
    console.error(error);
  }
  fetching = false;
  if (again) { again = false; refresh(); }
}

panes.start();
drawTrouble();
document.addEventListener("redraw", drawClocks);
new EventSource("/_sandbox/events").onmessage = refresh;
refresh();
audit();
setInterval(drawClocks, 1000);
setInterval(audit, 2000);
