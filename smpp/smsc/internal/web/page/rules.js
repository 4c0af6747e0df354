// The rules that decide outcomes, and the magic numbers, which need no rule.

import { api } from "./api.js";
import { copy } from "./copy.js";
import { byId, h, icon, sync, toast } from "./dom.js";
import { state } from "./store.js";

const EXAMPLE = `{
  "match": {"to": "49170", "text": "PIN"},
  "submit": {"status": "ESME_RTHROTTLED"},
  "count": 2
}`;

let list, magic, samples, editor, fault, empty;

function build() {
  list = h("ul", { class: "cards" });
  magic = h("ul", { class: "magic" });
  samples = h("div");
  empty = h("p", { class: "blank" }, "No rules: each message is taken and delivered, but for the magic numbers below. In a conversation, the choice of an outcome makes a rule for its number.");
  fault = h("p", { class: "warn", role: "alert", hidden: true });
  editor = h("textarea", { id: "rule", class: "mono", rows: "7", spellcheck: "false", "aria-label": "The new rule, in JSON" });
  editor.value = EXAMPLE;
  byId("view-rules").replaceChildren(h("div", { class: "page" },
    h("h1", { id: "h-rules" }, "Outcomes"),
    h("p", { class: "lead" }, "The first rule that matches decides what becomes of a message."),
    empty, list,
    h("details", { class: "new-rule" }, h("summary", {}, "Add a rule"),
      h("p", { class: "muted small" }, "A new rule goes in front. One with the id of another takes its place. All fields are in ", h("a", { href: "/openapi.yaml" }, "openapi.yaml"), "."),
      editor, fault, h("button", { class: "primary", type: "button", onclick: add }, "Add")),
    h("h2", {}, "Magic numbers"),
    h("p", { class: "lead" }, "A number of seven digits or more that ends so chooses its own outcome, when no rule does. A click copies one."),
    magic,
    h("h2", {}, "Formats"),
    h("p", { class: "lead" }, "What the names in a rule stand for."),
    samples));
}

// GROUPS are the names that rules know, with what they are called in a rule.
const GROUPS = [
  ["receiptFormats", "receipt.format, the layout of a receipt"], ["idFormats", "submit.idFormat and receipt.idFormat, how a message id is written"],
  ["malformed", "submit.malformed, an answer that is wrong, in hexadecimal"], ["faults", "submit.fault, how the answer goes over the connection"],
];

// sampleGroup is one kind of name, folded, with a sample of each.
const sampleGroup = ([group, title]) => h("details", { class: "samples" }, h("summary", {}, title),
  h("dl", {}, (state.server[group] ?? []).map((name) => h("div", {}, h("dt", { class: "mono" }, name), h("dd", { class: "mono" }, state.server.samples[group][name])))));

async function add() {
  fault.hidden = true;
  try {
    await api.addRule(editor.value);
    toast("The rule is in force");
  } catch (e) {
    fault.textContent = e.message;
    fault.hidden = false;
  }
}

export function drawRules() {
  if (!list) build();
  empty.hidden = state.rules.length > 0;
  sync(list, state.rules, (r) => r.id, card, (r) => JSON.stringify(r));
  const numbers = state.server?.magic ?? [];
  sync(magic, numbers, (m) => m.digits, magicRow, (m) => m.digits);
  if (state.server?.samples && !samples.hasChildNodes()) samples.append(...GROUPS.map(sampleGroup));
}

function card(r) {
  const { id, note, hits, ...rest } = r;
  return h("li", { class: "card" },
    h("div", { class: "card-head" }, h("strong", {}, note || id), note ? h("span", { class: "chip mono" }, id) : null),
    h("pre", { class: "rule mono" }, lines(rest)),
    h("div", { class: "actions" }, h("button", {
      class: "quiet danger", type: "button", "data-focus": "delete", "aria-label": `Delete the rule ${id}`,
      onclick: () => api.deleteRule(id).catch((e) => toast(e.message, "error")),
    }, "Delete"), h("span", { class: "muted small" }, hits === 1 ? "1 message" : `${hits} messages`)));
}

// lines is a rule one field a line: match.to  49170
function lines(o, path = "") {
  return Object.entries(o).flatMap(([name, value]) => {
    const at = path ? `${path}.${name}` : name;
    if (value && typeof value === "object" && !Array.isArray(value)) return lines(value, at) || [];
    return [`${at}  ${typeof value === "string" ? value : JSON.stringify(value)}`];
  }).join("\n");
}

function magicRow(m) {
  const number = `4917000${m.digits}`;
  return h("li", {}, h("button", { type: "button", class: "magic-row", title: `Copy ${number}`, onclick: () => copy(number) },
    h("code", {}, h("span", { class: "muted" }, "…"), m.digits), h("span", {}, m.what), icon("copy", "copy a number")));
}
