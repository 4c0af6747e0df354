// The page: which view is shown, what is asked for, and the keys.

import { api, listen } from "./api.js";
import { drawConnect, drawEmpty } from "./connect.js";
import { copyNewest, drawConversation, onEarlier } from "./conversation.js";
import { byId, h, toast } from "./dom.js";
import { drawList, onOlder, searched, setSearch, showOlder, stepList } from "./list.js";
import { addPDU, loadPDUs, showPDUs } from "./pdus.js";
import { drawRules } from "./rules.js";
import { drawSessions } from "./sessions.js";
import { addFound, addPage, came, changed, conversations, load, put, state, subscribe } from "./store.js";

const VIEWS = ["inbox", "sessions", "pdus", "rules", "connect"];
const PAGE = 1000; // messages asked for at once
const wide = matchMedia("(min-width: 760px)"); // the list and a conversation side by side

// route reads the address: #/ the inbox, #/n/<number> a conversation, #/pdus/<session>, #/sessions, ...
function route() {
  const [, view = "", arg = ""] = location.hash.slice(1).split("/");
  if (view === "n") return { view: "inbox", number: decodeURIComponent(arg) };
  return { view: VIEWS.includes(view) ? view : "inbox", session: decodeURIComponent(arg) };
}

function draw() {
  const { view, number } = route();
  byId("session-count").textContent = state.sessions.filter((s) => s.state === "bound").length || "";
  byId("rule-count").textContent = state.rules.length || "";
  if (view === "inbox") drawInbox(number);
  if (view === "sessions") drawSessions();
  if (view === "rules") drawRules();
  if (view === "connect") drawConnect();
}

let empty = false; // whether no message was there when all were asked for, and none came since

function drawInbox(number) {
  const inbox = byId("view-inbox"), pane = byId("thread");
  const nothing = state.loaded && state.messages.size === 0 && !number;
  const first = empty && state.messages.size > 0;
  if (first) empty = false;
  if (first && !number && openNewest()) return;
  inbox.classList.toggle("open", Boolean(number));
  inbox.classList.toggle("nothing", nothing);
  drawConversation(number);
  drawList(number);
  if (nothing) drawEmpty(pane);
  else if (!number) pane.replaceChildren(h("p", { class: "hint" }, state.loaded ? "Choose a conversation." : "Loading…"));
}

// openNewest opens the newest conversation where there is room beside the list.
function openNewest() {
  const [first] = conversations("");
  if (!first || !wide.matches || route().view !== "inbox" || route().number) return false;
  byId("view-inbox").classList.remove("nothing");
  location.replace(`#/n/${encodeURIComponent(first.number)}`);
  return true;
}

let wasPDUs = null, stop = () => {};

function navigate() {
  const { view, number, session } = route();
  for (const name of VIEWS) byId(`view-${name}`).hidden = name !== view;
  for (const a of document.querySelectorAll(".views a")) {
    if (a.dataset.view === view) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  if (state.open !== (number ?? "")) {
    state.open = number ?? "";
    state.openTotal = 0;
    if (number) loadConversation(number);
  }
  document.title = number ? `${number} · smscsim` : "smscsim";
  if (view === "pdus") showPDUs(session);
  if (view === "rules") loadRules(); // their counts
  if (view === "sessions") loadSessions();
  if ((view === "pdus") !== wasPDUs) connect(view === "pdus");
  draw();
}

// connect opens the stream of events; with PDUs only while they are looked at, for there are many.
function connect(pdus) {
  wasPDUs = pdus;
  stop();
  stop = listen({ pdus, handle, state: showState, reload });
}

function showState(s) {
  const live = byId("live");
  live.dataset.state = s;
  live.textContent = s === "live" ? "Live" : "Reconnecting";
  state.live = s === "live";
  changed();
}

function handle(topic, data) {
  if (topic === "message") {
    came(data);
    ruleHits();
  } else if (topic === "pdu") addPDU(data);
  else if (topic === "cleared") loadMessages();
  else if (topic === "sessions") loadSessions();
  else if (topic === "rules") loadRules();
}

let hitsTimer;

// ruleHits asks for the rules again a moment after messages came, for their counts, while they are looked at.
function ruleHits() {
  const { view } = route();
  if (hitsTimer || (view !== "rules" && view !== "sessions")) return;
  hitsTimer = setTimeout(() => {
    hitsTimer = undefined;
    if (view === "rules") loadRules();
    else loadSessions();
  }, 500);
}

const quietly = (work) => work.catch((e) => e.status !== 0 && toast(e.message, "error")); // "Reconnecting" says the rest

const loadMessages = () => quietly(load(() => api.messages({ mo: true, limit: PAGE })).then(() => {
  empty = state.messages.size === 0; // not seen by a draw where a message comes before the next frame
  openNewest();
  if (state.open) loadConversation(state.open);
}));

// loadConversation asks for the messages of a number: the pages of the list may not reach so far back.
const loadConversation = (number, before) => quietly(api.messages({ mo: true, number, limit: PAGE, before }).then((a) => {
  if (state.open !== number) return;
  state.openTotal = a.total;
  put(a.messages);
}));

onEarlier(loadConversation);

// find asks for what is searched for, which the page may not have.
const find = (query, before) => quietly(api.messages({ mo: true, q: query, limit: PAGE, before }).then((a) => searched().trim() === query && addFound(query, a)));

onOlder(() => (searched() ? find(searched().trim(), state.found?.last?.id) : quietly(api.messages({ mo: true, limit: PAGE, before: state.oldest?.id }).then(addPage))));

// newest asks, and takes the answer unless it has asked again meanwhile: answers may overtake each other.
function newest(ask, take) {
  let asked = 0;
  return () => {
    const mine = ++asked;
    return quietly(ask().then((answer) => {
      if (mine !== asked) return;
      take(answer);
      changed();
    }));
  };
}

const loadRules = newest(api.rules, (rules) => { state.rules = rules; });
const loadSessions = newest(() => Promise.all([api.sessions(), api.accounts()]), ([sessions, accounts]) => Object.assign(state, { sessions, accounts }));
const loadServer = newest(api.server, (server) => { state.server = server; });

function reload() {
  loadMessages();
  loadRules();
  loadSessions();
  loadPDUs();
  loadServer();
}

// What is searched for is also asked of the simulator, which keeps more messages than the page.
let searchTimer;

function search(text) {
  setSearch(text);
  changed();
  clearTimeout(searchTimer);
  state.found = null;
  if (text.trim()) searchTimer = setTimeout(() => find(text.trim()), 200);
}

const typing = (el) => el.matches("input, textarea, select");

function key(e) {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const inbox = route().view === "inbox";
  if (e.key === "Escape") return escape();
  if ((e.key === "ArrowDown" || e.key === "ArrowUp") && inbox && (document.activeElement.closest(".list-pane") || document.activeElement === document.body)) {
    e.preventDefault();
    return stepList(e.key === "ArrowDown" ? 1 : -1);
  }
  if (typing(e.target)) return;
  const act = {
    "/": () => { location.hash = inbox ? location.hash : "#/"; byId("search").focus(); byId("search").select(); },
    c: copyNewest,
    r: () => byId("answer")?.focus(),
  }[e.key] ?? (VIEWS[e.key - 1] && (() => { location.hash = `#/${VIEWS[e.key - 1] === "inbox" ? "" : VIEWS[e.key - 1]}`; }));
  if (!act) return;
  e.preventDefault();
  act();
}

// escape goes back by one: out of a field, out of the search, out of the conversation, to the inbox.
function escape() {
  const at = document.activeElement;
  if (at.id === "search" && searched()) {
    at.value = "";
    search("");
  } else if (typing(at)) at.blur();
  else if (location.hash !== "#/") location.hash = "#/";
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch { /* storage is off: until the page is left */ }
}

async function deleteAll() {
  if (!confirm("Delete all messages? Receipts on their way still go out.")) return;
  await quietly(api.deleteMessages().then(() => toast("All messages are deleted")));
}

subscribe(draw);
byId("search").addEventListener("input", (e) => search(e.target.value));
byId("theme").addEventListener("click", toggleTheme);
byId("clear").addEventListener("click", deleteAll);
byId("older").addEventListener("click", showOlder);

// The end of the list asks for more when it comes into sight, and again while it stays there.
const end = new IntersectionObserver(async (seen) => {
  if (!seen.some((e) => e.isIntersecting)) return;
  await showOlder();
  requestAnimationFrame(() => {
    end.unobserve(byId("older"));
    end.observe(byId("older"));
  });
}, { root: byId("list-scroll"), rootMargin: "200px" });
end.observe(byId("older"));

document.addEventListener("keydown", key);
addEventListener("hashchange", navigate);
document.addEventListener("visibilitychange", () => document.hidden || changed());
navigate();
