// The connections, each with the ways to end it, and the accounts.

import { api } from "./api.js";
import { byId, h, icon, sync, toast } from "./dom.js";
import { state } from "./store.js";
import { exactTime } from "./time.js";

let table, accounts, empty;

function build() {
  table = h("ul", { class: "cards" });
  accounts = h("tbody");
  empty = h("p", { class: "blank" }, "No client is connected. ", h("a", { href: "#/connect" }, "How to connect"));
  byId("view-sessions").replaceChildren(h("div", { class: "page" },
    h("h1", { id: "h-sessions" }, "Sessions"), empty, table,
    h("h2", {}, "Accounts"),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Accounts" }, h("table", {},
      h("thead", {}, h("tr", {}, ["system_id", "Binds", "Can receive", "Held for it", "Throttled", "Limits"].map((c) => h("th", { scope: "col" }, c)))),
      accounts))));
}

export function drawSessions() {
  if (!table) build();
  empty.hidden = state.sessions.length > 0;
  sync(table, state.sessions, (s) => s.id, card, (s) => JSON.stringify([s, state.server?.faults]));
  sync(accounts, state.accounts ?? [], (a) => a.systemId, accountRow, (a) => JSON.stringify(a));
}

function card(s) {
  const name = s.account || "not bound yet";
  return h("li", { class: "card" },
    h("div", { class: "card-head" },
      h("span", { class: `dot ${s.state}`, "aria-hidden": "true" }),
      h("strong", {}, name), h("span", { class: "chip" }, s.bind || s.state), s.tls ? h("span", { class: "chip" }, "TLS") : null),
    h("dl", { class: "numbers" },
      number("taken", s.submits), number("refused", s.refused), number("delivered", s.delivered), number("in flight", s.inFlight)),
    h("p", { class: "muted small" }, `${s.id}, ${s.remote}, since `, h("time", { datetime: s.since }, exactTime(s.since).slice(0, 8))),
    h("div", { class: "actions" },
      h("a", { class: "quiet", href: `#/pdus/${encodeURIComponent(s.id)}` }, icon("wire"), "PDUs"),
      button("Unbind", s, () => api.unbindSession(s.id), "unbound", "unbind"),
      breaker(s),
      button("Drop", s, () => api.closeSession(s.id), "dropped", "drop", "danger")));
}

const number = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

function button(label, s, act, done, focus, cls = "") {
  return h("button", {
    class: `quiet ${cls}`, type: "button", "data-focus": focus, "aria-label": `${label} ${s.id}`,
    onclick: async () => {
      try {
        await act();
        toast(`${s.id} ${done}`);
      } catch (e) {
        toast(e.message, "error");
      }
    },
  }, label);
}

// breaker chooses a fault of the wire, which is done at once.
function breaker(s) {
  return h("select", {
    class: "breaker", "data-focus": "break", "aria-label": `Do a fault to ${s.id}`,
    onchange: async (e) => {
      const fault = e.target.value;
      e.target.value = "";
      try {
        await api.breakSession(s.id, fault);
        toast(`${fault} done to ${s.id}`);
      } catch (err) {
        toast(err.message, "error");
      }
    },
  }, h("option", { value: "" }, "Break…"), (state.server?.faults ?? []).map((f) => h("option", { value: f }, f)));
}

function accountRow(a) {
  const limits = Object.entries(a.limits).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
  return h("tr", {}, h("th", { scope: "row" }, a.systemId, a.configured ? null : h("span", { class: "chip" }, "came by itself")),
    [a.binds, a.receivers, a.held, a.throttled, limits || "none"].map((c) => h("td", {}, c)));
}
