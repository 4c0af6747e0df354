// How to connect: the addresses, the accounts, and what else there is. The same card is the inbox' empty state.

import { copy } from "./copy.js";
import { byId, h, icon } from "./dom.js";
import { state } from "./store.js";

// here is the host the page was reached by: right also where the simulator runs in a container.
function here(addr) {
  const port = addr.slice(addr.lastIndexOf(":") + 1);
  return { host: location.hostname.replace(/^\[|\]$/g, ""), port };
}

function fact(name, value, hint) {
  return h("div", { class: "fact" }, h("dt", {}, name), h("dd", {},
    h("button", { class: "value", type: "button", "aria-label": `Copy ${name}: ${value}`, onclick: () => copy(value) }, h("code", {}, value), icon("copy")),
    hint ? h("span", { class: "muted small" }, hint) : null));
}

// settings is what an SMPP client is given.
export function settings() {
  const { server, accounts } = state;
  if (!server) return h("p", { class: "blank" }, "…");
  const at = here(server.smpp);
  const names = (accounts ?? []).filter((a) => a.configured).map((a) => a.systemId);
  return h("dl", { class: "settings" },
    fact("Host", at.host), fact("Port", at.port, server.smppTls ? `TLS on ${here(server.smppTls).port}` : ""),
    server.anyAccount
      ? h("div", { class: "fact" }, h("dt", {}, "Account"), h("dd", {}, "any system_id with any password"))
      : h("div", { class: "fact" }, h("dt", {}, "Accounts"), h("dd", {}, names.join(", "), h("span", { class: "muted small" }, "with the passwords it was started with"))),
    h("div", { class: "fact" }, h("dt", {}, "Bind"), h("dd", {}, "transmitter, receiver or transceiver, SMPP 3.4")));
}

export function drawConnect() {
  const { server } = state;
  if (!server) return;
  const base = location.origin;
  byId("view-connect").replaceChildren(h("div", { class: "page" },
    h("h1", { id: "h-connect" }, "Connect"),
    h("p", { class: "lead" }, "Give your SMPP client these. Every message it submits appears in the inbox; none goes to a telephone."),
    settings(),
    h("h2", {}, "From a test"),
    h("p", { class: "lead" }, "The next message to a number, as soon as it is there, with the code in it:"),
    example(`curl '${base}/api/v1/messages/wait?to=491701234567&timeout=10s'`),
    h("p", { class: "lead" }, "An answer from the handset:"),
    example(`curl ${base}/api/v1/messages -H 'Content-Type: application/json' -d '{"from":"491701234567","to":"12345","text":"STOP"}'`),
    h("ul", { class: "links" },
      link("/openapi.yaml", "openapi.yaml", "the whole API"), link("/api/v1/capture.pcap", "capture.pcap", "the PDUs kept, for Wireshark"),
      link("/metrics", "metrics", "for Prometheus"), link("/healthz", "healthz", "is it well?")),
    h("h2", {}, "Keys"),
    h("dl", { class: "keys" }, [["/", "search"], ["↑ ↓", "through the list, Enter opens"], ["c", "copy the newest code"], ["r", "answer"], ["Esc", "back"], ["1 to 5", "the views"]]
      .map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what))))));
}

const example = (text) => h("div", { class: "example" }, h("pre", { class: "mono", tabindex: "0" }, text),
  h("button", { class: "quiet icon", type: "button", "aria-label": "Copy the command", onclick: () => copy(text, "the command") }, icon("copy")));

const link = (href, name, what) => h("li", {}, h("a", { href }, name), h("span", { class: "muted" }, ` ${what}`));

// drawEmpty is what the inbox shows before the first message.
export function drawEmpty(pane) {
  const bound = state.sessions.filter((s) => s.state === "bound").length;
  pane.replaceChildren(h("div", { class: "empty" },
    h("div", { class: "handset", "aria-hidden": "true" }, icon("mast")),
    h("h2", {}, bound > 0 ? "Waiting for the first message" : "Nothing here yet"),
    h("p", { class: "lead" }, bound > 0
      ? `${bound === 1 ? "A client is" : `${bound} clients are`} bound. What it submits appears here by itself.`
      : "Point an SMPP client here. What it submits appears by itself."),
    settings(),
    h("p", { class: "muted small" }, "A number that ends in 9001 is undeliverable, 9004 has no receipt: ", h("a", { href: "#/rules" }, "all magic numbers"))));
}
