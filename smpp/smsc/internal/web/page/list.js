// The list of conversations, one to each number.

import { byId, h, icon, marked, sync } from "./dom.js";
import { changed, conversations, inPages, more, state } from "./store.js";
import { standing } from "./receipts.js";
import { listTime } from "./time.js";

const SHOWN = 300; // conversations drawn at first, and more by the button at the end

let shown = SHOWN, older = async () => {}, asking = false;

// onOlder says how older messages are asked for.
export function onOlder(ask) {
  older = ask;
}

let search = "";
const seen = new Map(); // by number: the time of the newest message that was looked at

export const searched = () => search;

export function setSearch(text) {
  search = text;
}

export function markSeen(number, time) {
  if ((seen.get(number) ?? "") < time) seen.set(number, time);
}

export function drawList(current) {
  const all = conversations(search);
  const list = byId("list"), today = new Date().toDateString();
  sync(list, all.slice(0, shown), (c) => c.number, (c, old) => row(c, current, old),
    (c) => [c.last.id, c.last.version, c.count, c.number === current, unseen(c), search, today].join());
  const note = byId("list-note");
  note.hidden = all.length > 0 || !state.loaded;
  note.textContent = search ? `Nothing holds “${search}”.` : "No messages yet.";
  byId("older").hidden = asking || (all.length <= shown && !moreToCome());
  byId("kept").textContent = counted();
  byId("clear").hidden = state.total === 0;
}

const count = new Intl.NumberFormat("en");

// moreToCome reports whether the simulator has more of what the list shows.
const moreToCome = () => (search ? Boolean(state.found) && state.found.here < state.found.total : more());

// counted says how many messages there are, or were found, and how many of them are here.
function counted() {
  if (!state.loaded) return "";
  if (search && state.found) {
    const found = `${count.format(state.found.total)} found`;
    return moreToCome() ? `Newest ${count.format(state.found.here)} of ${found}` : found;
  }
  const all = state.total === 1 ? "1 message" : `${count.format(state.total)} messages`;
  return more() ? `Newest ${count.format(inPages())} of ${all}` : all;
}

// showOlder draws the next rows; when there are none it asks for older messages.
export async function showOlder() {
  if (asking) return;
  if (conversations(search).length <= shown && moreToCome()) {
    asking = true;
    try {
      await older();
    } finally {
      asking = false;
    }
  }
  shown += SHOWN;
  changed();
}

const unseen = (c) => (seen.get(c.number) ?? "") < c.last.time && c.last.direction !== "mo";

function row(c, current, old = h("li", {}, h("a", { "data-focus": "row", href: `#/n/${encodeURIComponent(c.number)}` }))) {
  const m = c.last, s = standing(m), link = old.firstElementChild;
  link.className = `row${unseen(c) ? " unseen" : ""}`;
  if (c.number === current) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  link.replaceChildren(
    h("span", { class: `disc hue${hue(c.number)}`, "aria-hidden": "true" }, c.number.slice(-2)),
    h("span", { class: "row-top" },
      h("span", { class: "row-number" }, marked(withPlus(c.number), search)),
      h("time", { datetime: m.time }, listTime(m.time))),
    h("span", { class: "row-text" },
      h("span", { class: `tick ${s.kind}` }, icon(s.kind, s.label)),
      h("span", { class: "row-preview", dir: "auto" }, marked(preview(m), search)),
      m.code && m.direction !== "mo" ? h("span", { class: "pill" }, m.code) : ""));
  return old;
}

// preview begins a little before what was searched for, so that it can be seen.
function preview(m) {
  const text = m.text || "(empty)";
  const at = search ? text.toLowerCase().indexOf(search.toLowerCase()) : -1;
  return (m.direction === "mo" ? "↩ " : "") + (at > 24 ? `…${text.slice(at - 12, at + 120)}` : text.slice(0, 140));
}

// withPlus writes a number as telephones do; short codes and names stay as they are.
export const withPlus = (number) => (/^\d{7,15}$/.test(number) ? `+${number}` : number);

function hue(number) {
  let sum = 0;
  for (const ch of number) sum = (sum * 31 + ch.codePointAt(0)) % 997;
  return sum % 6;
}

// stepList moves the focus among the rows: by arrow keys.
export function stepList(by) {
  const rows = [...document.querySelectorAll("#list a")];
  if (rows.length === 0) return;
  const at = rows.indexOf(document.activeElement);
  const from = at >= 0 ? at : rows.findIndex((r) => r.getAttribute("aria-current") === "true");
  rows[Math.min(rows.length - 1, Math.max(0, from + by))].focus();
}
