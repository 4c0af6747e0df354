// The PDUs as they come, the newest on top; one that is opened shows each field and its octets.

import { api } from "./api.js";
import { byId, h, icon, toast } from "./dom.js";
import { exactTime } from "./time.js";

const SHOWN = 500;

let body, filter, pauseButton, note;
let all = []; // the oldest first
let paused = false, session = "", opened = 0;

function build() {
  body = h("tbody");
  filter = h("select", { "aria-label": "Which PDUs", onchange: draw },
    [["", "All PDUs"], ["quiet", "Without enquire_link"], ["submit", "Submits"], ["deliver", "Deliveries"], ["bind", "Binds"], ["errors", "Errors"]]
      .map(([v, label]) => h("option", { value: v }, label)));
  filter.value = "quiet";
  pauseButton = h("button", { class: "quiet", type: "button", "aria-pressed": "false", onclick: pause }, "Pause");
  note = h("p", { class: "blank" });
  byId("view-pdus").replaceChildren(h("div", { class: "page wide" },
    h("div", { class: "page-head" }, h("h1", { id: "h-pdus" }, "PDUs"), filter, pauseButton,
      h("a", { class: "quiet", href: "/api/v1/capture.pcap", download: "smscsim.pcap", title: "For Wireshark" }, "Download pcap")),
    note,
    h("div", { class: "scroll" }, h("table", { class: "pdus" },
      h("thead", {}, h("tr", {}, ["Time", "", "Command", "Status", "Sequence", "Session", "Octets"].map((c) => h("th", { scope: "col" }, c || h("span", { class: "offscreen" }, "Direction"))))),
      body))));
}

function pause() {
  paused = !paused;
  pauseButton.textContent = paused ? "Go on" : "Pause";
  pauseButton.setAttribute("aria-pressed", String(paused));
  if (!paused) loadPDUs();
}

let arrived = null; // while PDUs are asked for: those that came meanwhile

export async function loadPDUs() {
  if (!body) return;
  const mine = (arrived = []);
  try {
    const list = await api.pdus({ limit: SHOWN, session });
    if (arrived !== mine) return; // asked for again meanwhile
    const last = list[list.length - 1]?.id ?? 0;
    all = list.concat(mine.filter((p) => p.id > last));
    arrived = null;
    draw();
  } catch (e) {
    if (arrived === mine) arrived = null;
    if (e.status !== 0) toast(e.message, "error"); // "Reconnecting" says the rest
  }
}

// showPDUs opens the view, for all sessions or one.
export function showPDUs(of = "") {
  if (!body) build();
  if (session !== of || all.length === 0) {
    session = of;
    all = [];
    loadPDUs();
  }
  draw();
}

let waiting = false;

export function addPDU(p) {
  if (!body || paused || (session && p.session !== session)) return;
  arrived?.push(p);
  if (p.id <= (all[all.length - 1]?.id ?? 0)) return; // it was in the list that was asked for
  all.push(p);
  if (all.length > 2 * SHOWN) all = all.slice(-SHOWN);
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

const chosen = {
  "": () => true,
  quiet: (p) => !p.command.startsWith("enquire_link"),
  submit: (p) => /^(submit|data|query|cancel|replace)_/.test(p.command),
  deliver: (p) => /^(deliver|data)_/.test(p.command),
  bind: (p) => /bind/.test(p.command),
  errors: (p) => p.status !== "ESME_ROK" || p.command === "generic_nack",
};

function draw() {
  const list = all.filter(chosen[filter.value]).slice(-SHOWN).reverse();
  note.hidden = list.length > 0 && !session;
  note.replaceChildren(...(session ? [`Only session ${session}. `, h("a", { href: "#/pdus" }, "Show all")] : []), list.length === 0 ? " No PDUs of this kind yet." : "");
  const old = new Map([...body.children].map((tr) => [tr.dataset.key, tr]));
  const rows = list.flatMap((p) => {
    const rows = [old.get(String(p.id)) ?? row(p)];
    if (p.id === opened) rows.push(old.get(`d${p.id}`) ?? detail(p));
    return rows;
  });
  const focused = document.activeElement;
  let at = body.firstElementChild;
  const keep = new Set(rows);
  for (const tr of old.values()) {
    if (keep.has(tr)) continue;
    if (tr === at) at = at.nextElementSibling;
    tr.remove();
  }
  for (const tr of rows) {
    if (tr === at) at = at.nextElementSibling;
    else body.insertBefore(tr, at);
  }
  if (body.contains(focused)) focused.focus();
}

function row(p) {
  const bad = p.status !== "ESME_ROK";
  const tr = h("tr", { "data-key": p.id, class: p.out ? "out" : "in" },
    h("td", { class: "mono" }, exactTime(p.time)),
    h("td", {}, icon(p.out ? "out" : "in", p.out ? "to the client" : "from the client")),
    h("td", {}, h("button", { class: "link mono", type: "button", "aria-expanded": String(p.id === opened), onclick: () => toggle(p) }, p.command)),
    h("td", { class: `mono${bad ? " bad" : " muted"}` }, p.status),
    h("td", { class: "mono" }, p.sequence),
    h("td", {}, p.session, p.account ? h("span", { class: "muted" }, ` ${p.account}`) : null),
    h("td", { class: "mono num" }, p.length));
  tr.addEventListener("click", (e) => e.target.closest("button, a") || toggle(p));
  return tr;
}

function toggle(p) {
  const before = opened;
  opened = opened === p.id ? 0 : p.id;
  for (const id of [before, p.id]) {
    body.querySelector(`[data-key="${id}"] button`)?.setAttribute("aria-expanded", String(id === opened));
  }
  draw();
}

function detail(p) {
  return h("tr", { class: "detail", "data-key": `d${p.id}` },
    h("td", { colspan: "7" }, h("div", { class: "detail-grid" }, fields(p.fields), h("pre", { class: "hex", tabindex: "0", "aria-label": "Octets" }, dump(p.raw)))));
}

// fields is a table of a PDU's fields, also for the inbox.
export function fields(list) {
  return h("table", { class: "fields" }, h("tbody", {}, (list ?? []).map((f) => h("tr", {},
    h("th", { scope: "row" }, f.name),
    h("td", {}, h("bdi", {}, f.name === "command_id" ? `0x${Number(f.value).toString(16).padStart(8, "0")}` : f.value || h("i", {}, "empty")), f.meaning ? h("i", {}, f.meaning) : null)))));
}

// dump shows octets sixteen to a line, with what of them is ASCII.
export function dump(base64) {
  const raw = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const lines = [];
  for (let at = 0; at < raw.length; at += 16) {
    const line = [...raw.slice(at, at + 16)];
    const hex = line.map((b) => b.toString(16).padStart(2, "0")).join(" ");
    const text = line.map((b) => (b > 0x1f && b < 0x7f ? String.fromCharCode(b) : "·")).join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}
