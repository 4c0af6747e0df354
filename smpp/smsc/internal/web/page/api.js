// The HTTP API, as /openapi.yaml describes it.

export class APIError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function request(method, path, body) {
  const init = { method, headers: {} };
  if (body !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = typeof body === "string" ? body : JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new APIError(0, "the simulator does not answer");
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new APIError(response.status, answer?.error?.message ?? `answered ${response.status}`);
  return answer;
}

const query = (params) => new URLSearchParams(Object.entries(params).filter(([, v]) => v !== undefined && v !== "")).toString();
const part = encodeURIComponent;

export const api = {
  server: () => request("GET", "/api/v1/server"),
  messages: (params) => request("GET", `/api/v1/messages?${query(params)}`), // { messages, total }
  message: (id) => request("GET", `/api/v1/messages/${part(id)}`),
  deleteMessages: () => request("DELETE", "/api/v1/messages"),
  inject: (mo) => request("POST", "/api/v1/messages", mo),
  rules: () => request("GET", "/api/v1/rules").then((a) => a.rules),
  addRule: (rule) => request("POST", "/api/v1/rules", rule),
  deleteRule: (id) => request("DELETE", `/api/v1/rules/${part(id)}`),
  sessions: () => request("GET", "/api/v1/sessions").then((a) => a.sessions),
  closeSession: (id) => request("POST", `/api/v1/sessions/${part(id)}/close`),
  unbindSession: (id) => request("POST", `/api/v1/sessions/${part(id)}/unbind`),
  breakSession: (id, fault) => request("POST", `/api/v1/sessions/${part(id)}/break`, { fault }),
  accounts: () => request("GET", "/api/v1/accounts").then((a) => a.accounts),
  pdus: (params) => request("GET", `/api/v1/pdus?${query(params)}`).then((a) => a.pdus),
};

const TOPICS = ["message", "pdu", "cleared", "sessions", "rules"];

// listen keeps a stream of events open. handle gets (topic, data); state gets "live" or "lost"; reload is called each
// time the stream begins, also after a break, because what happened meanwhile was missed. It returns a function that
// ends it.
export function listen({ pdus, handle, state, reload }) {
  let source, timer;
  const open = () => {
    source = new EventSource(`/api/v1/events${pdus ? "?pdus=true" : ""}`);
    source.onopen = () => {
      state("live");
      reload();
    };
    source.onerror = () => {
      state("lost");
      if (source.readyState === EventSource.CLOSED) again(); // an answer that was no stream: the browser gives up, we do not
    };
    for (const topic of TOPICS) source.addEventListener(topic, (e) => handle(topic, JSON.parse(e.data)));
    source.addEventListener("reload", again); // more came than the stream could carry: a pause, then from the start
  };
  const again = () => {
    source.close();
    timer = setTimeout(open, 1000);
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
