// What became of a message, from its receipts: one tick when the simulator has taken it, two when it is delivered, a
// cross when it failed.

const FINAL = new Set(["DELIVRD", "UNDELIV", "EXPIRED", "REJECTD", "DELETED", "UNKNOWN", "FAILED", "SKIPPED"]);

const GOOD = "DELIVRD";

// standing is { kind: "sent" | "delivered" | "failed" | "clock", label, time }.
export function standing(m) {
  if (m.direction === "mo") return moStanding(m);
  const out = m.receipts.filter((r) => r.status === "answered");
  const last = out[out.length - 1];
  const final = firstFinals(out);
  const bad = final.find((r) => r.state !== GOOD);
  if (bad) return { kind: "failed", label: bad.state, time: bad.time };
  if (final.length > 0 && final.length >= m.messageIds.length) return { kind: "delivered", label: "Delivered", time: final[final.length - 1].time };
  const refused = m.receipts.find((r) => r.status === "failed" || r.status === "dropped");
  if (refused) return { kind: "failed", label: refused.status === "dropped" ? "Receipt dropped" : "Receipt refused", time: refused.time };
  if (m.receipts.some((r) => r.status === "queued")) return { kind: "clock", label: "Receipt waits for a receiver", time: m.time };
  if (m.receipts.some((r) => r.status === "scheduled")) return { kind: "sent", label: last ? last.state : "Sent, receipt to come", time: m.time };
  return { kind: "sent", label: last ? last.state : "Sent", time: last?.time ?? m.time };
}

// firstFinals are the first final receipt of each part.
function firstFinals(receipts) {
  const seen = new Map();
  for (const r of receipts) if (FINAL.has(r.state) && !seen.has(r.messageId)) seen.set(r.messageId, r);
  return [...seen.values()];
}

function moStanding(m) {
  const r = m.receipts[m.receipts.length - 1];
  const status = m.delivery?.status ?? r?.status;
  const time = m.delivery?.time ?? r?.time ?? m.time;
  switch (status) {
    case "answered":
      return { kind: "delivered", label: "Taken", time };
    case "failed":
    case "dropped":
      return { kind: "failed", label: `Not taken: ${m.delivery?.answer || r?.answer || status}`, time };
    case undefined:
      return { kind: "sent", label: "Sent", time };
    default:
      return { kind: "clock", label: "Waits for a receiver", time };
  }
}

export const statusText = {
  scheduled: "to come",
  queued: "waits for a receiver",
  answered: "taken by the client",
  failed: "refused by the client",
  dropped: "dropped, too many waited",
};
