// One message, drawn as on a handset, with what became of it and, folded in, all that is known of it.

import { api } from "./api.js";
import { copy } from "./copy.js";
import { h, icon, marked } from "./dom.js";
import { dump, fields } from "./pdus.js";
import { standing, statusText } from "./receipts.js";
import { exactTime, shortTime, span } from "./time.js";

const opened = new Set(); // ids whose details are open: they stay so when the message is drawn again

const onlyEmoji = /^(?:\p{Extended_Pictographic}|\p{Emoji_Component}|\s){1,12}$/u;
const someEmoji = /\p{Extended_Pictographic}/u;

export function drawMessage(m) {
  const mo = m.direction === "mo", s = standing(m);
  const big = someEmoji.test(m.text) && onlyEmoji.test(m.text) && !/\d/.test(m.text);
  return h("li", { class: `message ${mo ? "mo" : "mt"}`, id: `m-${m.id}` },
    h("p", { class: "sender" }, mo ? `Answer to ${m.to}` : m.from || "(no sender)"),
    h("div", { class: `bubble${big ? " emoji" : ""}` },
      m.text === "" ? h("em", { class: "muted" }, "no text") : h("bdi", { class: "text", dir: "auto" }, mo ? [m.text] : marked(m.text, m.code, "code"))),
    m.code && !mo ? codeButton(m.code) : null,
    m.incomplete ? h("p", { class: "warn" }, `Parts are missing: of ${m.parts} some never came.`) : null,
    m.problem ? h("p", { class: "warn" }, m.problem) : null,
    details(m, s));
}

function codeButton(code) {
  return h("button", {
    class: "code-copy", type: "button", "data-focus": "copy", "aria-label": `Copy the code ${code}`,
    onclick: async (e) => {
      const button = e.currentTarget;
      if (!(await copy(code))) return;
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 1500);
    },
  }, icon("copy"), icon("done"), h("span", {}, code));
}

// details is the line of ticks; opened, it is the whole story.
function details(m, s) {
  const took = s.kind === "delivered" || s.kind === "failed" ? ` after ${span(m.time, s.time)}` : "";
  const box = h("details", { class: "story", open: opened.has(m.id) },
    h("summary", { "data-focus": "story" },
      h("time", { datetime: m.time, title: new Date(m.time).toLocaleString() }, shortTime(m.time)),
      h("span", { class: `tick ${s.kind}` }, icon(s.kind), ` ${s.label}${took}`),
      h("span", { class: "chip" }, m.encoding),
      m.parts > 1 ? h("span", { class: "chip" }, `${m.parts} parts`) : null));
  let drawn = false;
  const fill = () => {
    if (drawn) return;
    drawn = true;
    const segments = h("div");
    box.append(h("div", { class: "story-body" }, timeline(m), facts(m), segments));
    loadSegments(m, segments);
  };
  if (box.open) fill();
  box.addEventListener("toggle", () => {
    opened[box.open ? "add" : "delete"](m.id);
    if (box.open) fill();
  });
  return box;
}

function timeline(m) {
  const took = m.direction === "mo" ? "Injected" : "Submitted";
  return h("ol", { class: "timeline", "aria-label": "What happened" },
    h("li", {}, h("time", {}, exactTime(m.time)), h("span", {}, took)),
    m.receipts.map((r) => h("li", { class: r.status },
      h("time", {}, exactTime(r.time)),
      h("span", {}, m.direction === "mo" ? null : h("b", {}, `${r.state} `),
        m.parts > 1 && m.messageIds.includes(r.messageId) ? `part ${m.messageIds.indexOf(r.messageId) + 1} ` : null,
        h("i", {}, statusText[r.status] ?? r.status, r.attempts > 1 ? `, try ${r.attempts}` : "", r.answer ? `: ${r.answer}` : ""),
        r.text && m.direction !== "mo" ? h("code", { class: "receipt-text" }, r.text) : null))));
}

const pair = (name, value) => [h("dt", {}, name), h("dd", {}, value)];

const hex = (n) => `0x${n.toString(16).toUpperCase().padStart(2, "0")}`;

function facts(m) {
  return h("dl", { class: "facts" },
    pair("Account", m.account),
    m.bind ? pair("Bind", m.bind) : null,
    pair("From", m.from || "(none)"),
    pair("To", m.to),
    pair("Encoding", `${m.encoding}, data_coding ${hex(m.dataCoding)}`),
    pair("Message ids", h("code", {}, m.messageIds.map((id) => id || "(missing)").join(", "))),
    m.rule ? pair("Outcome by", m.rule) : null);
}

// loadSegments asks for the PDUs of a message, which the list does not have, and shows them with all their fields.
async function loadSegments(m, into) {
  try {
    const { segments = [] } = await api.message(m.id);
    into.replaceChildren(...segments.map((p) => h("details", { class: "segment" },
      h("summary", {}, p.command, p.parts > 1 ? ` ${p.part} of ${p.parts} ` : " ",
        p.missing ? h("span", { class: "chip" }, "never came") : null,
        p.udh ? h("span", { class: "chip" }, "UDH") : null, p.sar ? h("span", { class: "chip" }, "SAR") : null),
      fields(p.fields), p.raw ? h("pre", { class: "hex", tabindex: "0", "aria-label": "Octets" }, dump(p.raw)) : null)));
  } catch (e) {
    into.replaceChildren(h("p", { class: "warn" }, e.message));
  }
}
