// A conversation: the messages of one number, the choice of what becomes of the next one, and the line to answer with.

import { api } from "./api.js";
import { byId, h, icon, sync, toast } from "./dom.js";
import { markSeen, withPlus } from "./list.js";
import { drawMessage } from "./message.js";
import { chosen, OUTCOMES, ruleID, setOutcome } from "./outcomes.js";
import { conversation, state } from "./store.js";
import { dayName } from "./time.js";

const NEAR = 80; // pixels from the end that still count as being there

let shown = null; // { number, log, outcome, draft }
let earlier = async () => {};

// onEarlier says how the messages of a number before another are asked for.
export function onEarlier(ask) {
  earlier = ask;
}

export function drawConversation(number) {
  const pane = byId("thread");
  if (!number) {
    shown = null;
    return;
  }
  const messages = conversation(number);
  if (shown?.number !== number || !pane.contains(shown.log)) open(pane, number);
  const { log } = shown;
  shown.more.hidden = messages.length >= state.openTotal;
  shown.oldest = messages[0]?.id;
  const end = shown.fresh || log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  sync(shown.list, withDays(messages), (i) => i.key, (i) => (i.day ? h("li", { class: "day" }, i.day) : drawMessage(i.m)),
    (i) => (i.day ? i.day : i.m.version));
  drawOutcome();
  drawComposer(messages);
  if (end) log.scrollTop = log.scrollHeight;
  shown.fresh = false;
  if (messages.length > 0 && !document.hidden) markSeen(number, messages[messages.length - 1].time);
}

// withDays puts the day before the first message of each.
function withDays(messages) {
  const items = [];
  let day = "";
  for (const m of messages) {
    const d = dayName(m.time);
    if (d !== day) items.push({ key: `day-${d}`, day: d });
    day = d;
    items.push({ key: m.id, m });
  }
  return items;
}

function open(pane, number) {
  const list = h("ol", { class: "messages" });
  const more = h("button", { class: "quiet older", type: "button", hidden: true, onclick: () => earlier(number, shown.oldest) }, "Show earlier messages");
  const log = h("div", { class: "log", tabindex: "0", role: "log", "aria-label": `Messages of ${withPlus(number)}` }, more, list);
  const outcome = h("select", { id: "outcome", "aria-label": "Outcome of the next messages", onchange: (e) => setOutcome(number, e.target.value) },
    h("option", { value: "" }, "As usual"),
    OUTCOMES.map(([group, list]) => h("optgroup", { label: group }, list.map(([key, label]) => h("option", { value: key }, label)))),
    h("option", { value: "other", hidden: true }, "By a rule"));
  const input = h("textarea", { id: "answer", rows: "1", maxlength: "5000", "aria-label": "Answer as this handset", "data-focus": "answer",
    onkeydown: (e) => {
      if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
      e.preventDefault();
      send(number);
    } });
  const button = h("button", { class: "primary icon", type: "submit", id: "send", "aria-label": "Send the answer", title: "Send the answer" }, icon("send"));
  const composer = h("form", { class: "composer", onsubmit: (e) => { e.preventDefault(); send(number); } },
    input, button);
  pane.replaceChildren(
    h("header", { class: "thread-head" },
      h("a", { class: "quiet icon back", href: "#/", "aria-label": "Back to the list" }, icon("back")),
      h("h2", {}, withPlus(number)),
      h("label", { class: "outcome" }, h("span", {}, "Outcome"), outcome)),
    log, composer);
  shown = { number, log, list, more, outcome, input, button, fresh: true };
}

function drawOutcome() {
  const rule = state.rules.find((r) => r.id === ruleID(shown.number));
  shown.outcome.value = chosen(rule);
  shown.outcome.closest("label").classList.toggle("on", Boolean(rule));
}

// drawComposer says whom an answer goes to: the sender of the newest message.
function drawComposer(messages) {
  const last = messages.findLast((m) => m.direction !== "mo") ?? messages[messages.length - 1];
  shown.peer = last ? { to: last.direction === "mo" ? last.to : last.from, account: last.account } : null;
  shown.input.placeholder = shown.peer ? `Answer to ${shown.peer.to}` : "Nothing to answer to";
  shown.input.disabled = !shown.peer || !state.live;
  shown.button.disabled = shown.input.disabled;
}

async function send(number) {
  const text = shown.input.value;
  if (!text.trim() || !shown.peer) return;
  try {
    await api.inject({ from: number, to: shown.peer.to, text, account: shown.peer.account });
    if (shown?.number === number) shown.input.value = "";
  } catch (e) {
    toast(e.message, "error");
  }
}

// copyNewest copies the newest code of the conversation: by the key c.
export function copyNewest() {
  [...document.querySelectorAll("#thread .code-copy")].pop()?.click();
}
