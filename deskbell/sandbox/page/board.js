// The schedule: technicians as rows, visits as bars over the hours, and a line for now.
import { act, byId, clock, colour, h, initials, render, span, toast } from "./dom.js";

const BACK = 2.4 * 3600;
const AHEAD = 4.6 * 3600;
const LABELS = {
  scheduled: "planned", dispatched: "sent", en_route: "on the way", on_site: "on site", completed: "done",
  cancelled: "cancelled", no_show: "no-show", on_hold: "on hold",
};
const OVER = new Set(["completed", "cancelled", "no_show"]);
const LANE = 24;
let chosen = null;

const percent = (moment, now) => ((moment - (now - BACK)) / (BACK + AHEAD)) * 100;

// Visits that overlap stand below one another.
function lanes(jobs) {
  const ends = [];
  return jobs.sort((a, b) => a.scheduled_start - b.scheduled_start).map((job) => {
    let lane = ends.findIndex((end) => end <= job.scheduled_start);
    if (lane < 0) lane = ends.length;
    ends[lane] = job.scheduled_end;
    return { job, lane, lanes: ends };
  });
}

function trouble(job, now) {
  if (OVER.has(job.status)) return "";
  if (job.technician === null) return "";  // its row says so
  if (!job.checked_in_at && now > job.scheduled_start + 60) return `+${Math.floor((now - job.scheduled_start) / 60)}′`;
  if (job.status === "on_site" && now > job.scheduled_end) return `+${Math.max(1, Math.floor((now - job.scheduled_end) / 60))}′`;
  return "";
}

function bar({ job, lane }, now) {
  const left = Math.max(percent(job.scheduled_start, now), -1);
  const right = Math.min(percent(job.scheduled_end, now), 101);
  if (right < 0 || left > 100) return null;
  const wrong = trouble(job, now);
  return h("button", {
    type: "button", class: `bar ${job.status} ${wrong || job.technician === null ? "wrong" : ""} ${chosen === job.number ? "on" : ""}`,
    style: { left: `${left}%`, width: `${right - left}%`, top: `${lane * LANE + 5}px` },
    title: `${job.number} · ${job.site}\n${job.summary}\n${clock(job.scheduled_start)}–${clock(job.scheduled_end)} · ${LABELS[job.status]}${wrong ? ` · ${wrong}` : ""}`,
    onclick: () => { chosen = chosen === job.number ? null : job.number; document.dispatchEvent(new Event("redraw")); },
  }, h("b", {}, job.number.replace("J-", "")), h("span", {}, job.customer), wrong ? h("em", {}, wrong) : null);
}

function row(name, hint, jobs, now, person) {
  const placed = lanes(jobs);
  const height = Math.max(1, ...placed.map((one) => one.lane + 1)) * LANE + 6;
  return h("div", { class: "board-row", style: { height: `${height}px` } },
    h("div", { class: "board-name" }, h("span", { class: "face", style: { background: person ? colour(name) : "#b6533c" } }, person ? initials(name) : "?"),
      h("span", {}, name, h("small", {}, hint))),
    h("div", { class: "board-track" }, placed.map((one) => bar(one, now))));
}

function axis(now) {
  const ticks = [];
  for (let hour = Math.ceil((now - BACK) / 3600) * 3600; hour < now + AHEAD; hour += 3600) {
    if (Math.abs(hour - now) > 1900) ticks.push(h("span", { class: "tick", style: { left: `${percent(hour, now)}%` } }, clock(hour)));
  }
  return h("div", { class: "board-axis" }, h("div", { class: "board-name" }), h("div", { class: "board-track" }, ticks,
    h("span", { class: "now-mark", style: { left: `${percent(now, now)}%` } }, clock(now))));
}

const standing = (jobs, now) => {
  const current = jobs.find((job) => job.status === "on_site") || jobs.find((job) => job.status === "en_route");
  return current ? `${LABELS[current.status]}, ${current.customer}` : jobs.some((job) => !OVER.has(job.status) && job.scheduled_start > now) ? "free" : "";
};

function details(job, now) {
  const doing = (verb) => async () => {
    try { await act(verb, { job: job.number }); } catch (error) { toast(error.message); }
  };
  const open = !OVER.has(job.status);
  return h("div", { class: "details" },
    h("div", {}, h("b", {}, job.number), ` ${job.summary} · ${job.equipment}`),
    h("div", {}, `${job.site}, ${job.address}`),
    h("div", {}, `${clock(job.scheduled_start)}–${clock(job.scheduled_end)} · ${LABELS[job.status]}`, job.checked_in_at ? ` · arrived ${clock(job.checked_in_at)}` : "",
      job.cancel_reason ? ` · ${job.cancel_reason}` : "", trouble(job, now) ? h("em", {}, ` · ${trouble(job, now)}`) : ""),
    job.notes.length ? h("div", { class: "note" }, `“${job.notes.at(-1).text}” (${job.notes.at(-1).by})`) : null,
    open ? h("div", { class: "details-do" },
      h("button", { type: "button", onclick: doing("late") }, "Late"), h("button", { type: "button", onclick: doing("check_in") }, "Check in"),
      h("button", { type: "button", onclick: doing("cancel") }, "Customer cancels"), h("button", { type: "button", onclick: doing("reschedule") }, "Move to tomorrow"),
      h("button", { type: "button", onclick: doing("no_show") }, "No-show")) : null);
}

export function show(state, now) {
  render(byId("legend"), 1, () => ["scheduled", "en_route", "on_site", "completed", "cancelled", "no_show"].map((status) =>
    h("span", {}, h("i", { class: `dot ${status}` }), LABELS[status])));
  const minute = Math.floor(now / 15);
  render(byId("board"), [state.jobs, minute, chosen], () => {
    const of = (id) => state.jobs.filter((job) => job.technician === id);
    const unassigned = state.jobs.filter((job) => job.technician === null && job.status !== "cancelled");
    const picked = state.jobs.find((job) => job.number === chosen);
    return [axis(now),
      unassigned.length ? row("Unassigned", `${unassigned.length} to give away`, unassigned, now, false) : null,
      state.technicians.map((one) => row(one.name, standing(of(one.id), now), of(one.id), now, true)),
      h("div", { class: "now-line-box" }, h("div", { class: "now-line", style: { left: `${percent(now, now)}%` } })),
      picked ? details(picked, now) : null];
  });
}

// ---------------------------------------------------------------- the queues

const ORDER = ["Urgent", "Critical", "High", "Medium", "Moderate", "Low", "Planning", "Gold", "Silver", "Basic"];
const stopped = (one) => one.status === "Suspended";
const wrong = (one) => Boolean(one.flag) || stopped(one);

export function queue(id, rows, now) {
  const open = rows.filter((one) => one.open).sort((a, b) => wrong(b) - wrong(a) || ORDER.indexOf(a.priority) - ORDER.indexOf(b.priority) || (a.due || 9e12) - (b.due || 9e12));
  const closed = rows.filter((one) => !one.open).sort((a, b) => b.updated - a.updated).slice(0, 4);
  const list = [...open, ...closed];
  render(byId(id), [list, Math.floor(now)], () => list.map((one) => h("div", { class: `ticket ${one.open ? "" : "closed"}` },
    h("span", { class: `prio ${one.priority.toLowerCase()}`, title: one.priority }, one.priority[0]),
    h("div", { class: "ticket-main" },
      h("div", { class: "ticket-subject" }, h("b", {}, one.number), " ", one.subject),
      h("div", { class: "ticket-facts" }, h("span", { class: `status ${one.open ? "" : "closed"} ${stopped(one) ? "suspended" : ""}` }, one.status),
        one.flag && h("span", { class: "flag" }, one.flag), h("span", { class: one.assignee ? "" : "nobody" }, one.assignee || "nobody"),
        one.note && h("span", { class: "note" }, `“${one.note}”`))),
    due(one, now))));
}

function due(one, now) {
  if (!one.open || !one.due) return h("span", { class: "due" }, one.open ? "" : "✓");
  const left = one.due - now;
  return h("span", { class: `due ${left < 0 ? "over" : left < 3600 ? "near" : ""}` }, left < 0 ? `−${span(left)}` : span(left));
}
