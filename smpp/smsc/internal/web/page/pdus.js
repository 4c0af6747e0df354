// The PDUs as they come, the newest on top; one that is opened shows each field and its octets.

import { api } from "./api.js";
import { byId, h, icon, toast } from "./dom.js";
import { exactTime } from "./time.js";

const SHOWN = 500;

let body, filter, find, pauseButton, capture, note, more;
let all = []; // the oldest first
let paused = false, session = "", opened = 0;
const requests = new Map(); // by session, direction and sequence: what a response is the answer to

function build() {
  body = h("tbody");
  filter = h("select", { "aria-label": "Which PDUs", onchange: draw },
    [["", "All PDUs"], ["quiet", "Without enquire_link"], ["submit", "Submits"], ["deliver", "Deliveries"], ["bind", "Binds"], ["errors", "Errors"]]
      .map(([v, label]) => h("option", { value: v }, label)));
  filter.value = "quiet";
  find = h("input", { type: "search", class: "find", placeholder: "Number or message id", "aria-label": "Only PDUs with this number or message id", autocomplete: "off", spellcheck: "false", oninput: search });
  capture = h("a", { class: "quiet", href: "/api/v1/capture.pcap", download: "smscsim.pcap", title: "For Wireshark" }, "Download pcap");
  pauseButton = h("button", { class: "quiet", type: "button", "aria-pressed": "false", onclick: pause }, "Pause");
  note = h("p", { class: "blank" });
  more = h("p", { class: "blank", hidden: true }, `These are the newest ${SHOWN}. Older ones are found by number or message id, and are in the pcap.`);
  byId("view-pdus").replaceChildren(h("div", { class: "page wide" },
    h("div", { class: "page-head" }, h("h1", { id: "h-pdus" }, "PDUs"), find, filter, pauseButton, capture),
    note,
    h("div", { class: "scroll" }, h("table", { class: "pdus" },
      h("thead", {}, h("tr", {}, ["Time", "", "Command", "From and to", "Message id", "Status", "Session", "Sequence", "Octets"].map((c) => h("th", { scope: "col" }, c || h("span", { class: "offscreen" }, "Direction"))))),
      body)),
    more));
}

let searchTimer;

// search asks the simulator, which keeps more PDUs than the page; what is here already is filtered at once.
function search() {
  draw();
  clearTimeout(searchTimer);
  searchTimer = setTimeout(loadPDUs, 200);
}

const wanted = () => find.value.trim().replace(/^\+/, "").toLowerCase();

// holds reports whether a PDU has what is looked for: in an address, of a response in its request's, or as its message id.
function holds(p) {
  const what = wanted();
  return !what || [p.from, p.to].some((a) => a?.toLowerCase().includes(what)) || p.messageId?.toLowerCase() === what;
}

// paired gives a response the addresses of its request: the stream of events has each PDU alone.
function paired(p) {
  if (!/_resp$|^generic_nack$/.test(p.command)) {
    requests.set(`${p.session} ${p.out} ${p.sequence}`, { from: p.from, to: p.to, messageId: p.messageId });
    if (requests.size > 4 * SHOWN) requests.delete(requests.keys().next().value);
    return p;
  }
  const asked = requests.get(`${p.session} ${!p.out} ${p.sequence}`);
  return asked ? { ...p, from: p.from ?? asked.from, to: p.to ?? asked.to, messageId: p.messageId ?? asked.messageId } : p;
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
    const list = await api.pdus({ limit: SHOWN, session, q: wanted() });
    if (arrived !== mine) return; // asked for again meanwhile
    list.forEach(paired); // for the responses to come
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

export function addPDU(came) {
  if (!body || paused || (session && came.session !== session)) return;
  const p = paired(came);
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
  const list = all.filter(chosen[filter.value]).filter(holds).slice(-SHOWN).reverse();
  const query = new URLSearchParams(Object.entries({ session, q: wanted() }).filter(([, v]) => v)).toString();
  capture.href = `/api/v1/capture.pcap${query ? `?${query}` : ""}`;
  note.hidden = list.length > 0 && !session;
  more.hidden = list.length < SHOWN;
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
    h("td", { class: "mono addresses" }, p.from || p.to ? [h("bdi", {}, p.from || "–"), h("span", { class: "muted" }, " → "), h("bdi", {}, p.to || "–")] : null),
    h("td", { class: "mono id" }, p.messageId),
    h("td", { class: `mono status${bad ? " bad" : " muted"}` }, p.status),
    h("td", { class: "session" }, p.session, p.account ? h("span", { class: "muted" }, ` ${p.account}`) : null),
    h("td", { class: "mono sequence" }, p.sequence),
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
    h("td", { colspan: "9" }, p.breach ? h("p", { class: "warn" }, `A strict SMSC refuses it: ${p.breach}`) : null,
      h("div", { class: "detail-grid" }, fields(p.fields), h("pre", { class: "hex", tabindex: "0", "aria-label": "Octets" }, dump(p.raw)))));
}

const TEXT = new Set(["short_message", "message_payload"]);

// value is what a field has: of a text its characters, with the octets behind them.
function value(f) {
  if (f.name === "command_id") return [h("bdi", {}, `0x${Number(f.value).toString(16).padStart(8, "0")}`), h("i", {}, f.meaning)];
  if (TEXT.has(f.name) && f.meaning) return [h("bdi", { class: "content", dir: "auto" }, f.meaning), h("i", { class: "mono" }, f.value)];
  return [h("bdi", {}, f.value || h("i", {}, "empty")), f.meaning ? h("i", {}, f.meaning) : null];
}

// fields is a table of a PDU's fields, also for the inbox.
export function fields(list) {
  return h("table", { class: "fields" }, h("tbody", {}, (list ?? []).map((f) => h("tr", {},
    h("th", { scope: "row" }, f.name),
    h("td", {}, value(f))))));
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
