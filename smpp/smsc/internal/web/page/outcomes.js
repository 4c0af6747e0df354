// The outcomes that can be chosen for a number: each is a rule for that number alone.

import { api } from "./api.js";
import { toast } from "./dom.js";

const STATE = (state, err) => ({ receipt: { state, err } });

export const OUTCOMES = [
  ["Receipt", [
    ["delivered", "Delivered", STATE("DELIVRD", "000")],
    ["undeliverable", "Undeliverable", STATE("UNDELIV", "001")],
    ["expired", "Expired", STATE("EXPIRED", "002")],
    ["rejected", "Rejected", STATE("REJECTD", "003")],
    ["none", "No receipt", { receipt: { none: true } }],
    ["late", "Receipt 10 s late", { receipt: { delay: "10s" } }],
    ["twice", "Receipt twice", { receipt: { copies: 2 } }],
    ["early", "Receipt before the answer", { receipt: { early: true } }],
    ["order", "Receipts out of order", { receipt: { outOfOrder: true } }],
  ]],
  ["Answer", [
    ["throttled", "Throttled", { submit: { status: "ESME_RTHROTTLED" } }],
    ["full", "Queue full", { submit: { status: "ESME_RMSGQFUL" } }],
    ["invalid", "Invalid destination", { submit: { status: "ESME_RINVDSTADR" } }],
    ["syserr", "System error", { submit: { status: "ESME_RSYSERR" } }],
    ["slow", "Answer 2 s late", { submit: { delay: "2s" } }],
    ["silent", "No answer", { submit: { noAnswer: true } }],
    ["close", "Connection closed", { submit: { close: "before" } }],
  ]],
];

const all = OUTCOMES.flatMap(([, outcomes]) => outcomes);

export const ruleID = (number) => `number-${number.replace(/[^0-9A-Za-z]/g, "_")}`;

const escape = (s) => s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// setOutcome makes the rule of a number, or takes it away for an empty choice.
export async function setOutcome(number, choice) {
  const id = ruleID(number);
  try {
    if (!choice) {
      await api.deleteRule(id);
      toast("The number is back to its usual outcome");
      return;
    }
    const [, label, what] = all.find(([key]) => key === choice);
    await api.addRule({ id, note: label, match: { toPattern: `^${escape(number)}$` }, ...what });
    toast(`From now on: ${label}`);
  } catch (e) {
    if (!choice && e.status === 404) return;
    toast(e.message, "error");
  }
}

// chosen is the choice that a rule came from; "other" for a rule that somebody changed.
export function chosen(rule) {
  if (!rule) return "";
  return all.find(([, label]) => label === rule.note)?.[0] ?? "other";
}
