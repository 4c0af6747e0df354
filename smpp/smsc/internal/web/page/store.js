// What the page knows: the newest messages, by conversation, the sessions and the rules. Views subscribe to be drawn
// again; changes of one frame are drawn together.

const KEEP = 2000; // messages in the page; the simulator keeps more

export const state = {
  messages: new Map(), // by id
  loaded: false, // whether the simulator has answered yet
  live: false, // whether the stream of events is open
  total: 0, // messages that the simulator keeps
  oldest: null, // the oldest message of the pages asked for; older ones are here only because somebody looked at them
  room: KEEP,
  open: "", // the number whose conversation is shown
  openTotal: 0, // how many messages it has
  found: null, // { query, total, here, last }: what the simulator found of what is searched for
  sessions: [],
  rules: [],
  server: null, // addresses, magic numbers and names, from /api/v1/server
};

const views = new Set();
let waiting = false;

export function subscribe(draw) {
  views.add(draw);
}

export function changed() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    for (const draw of views) draw();
  });
}

// Tabs in the background get no animation frames; their title still counts what is new.
document.addEventListener("visibilitychange", () => document.hidden || changed());

export const digits = (number) => number.replace(/^[+ ]+/, "");

// handset is the number of the telephone in a message: where it went, or who answered.
export const handset = (m) => digits(m.direction === "mo" ? m.from : m.to);

let arrived = null; // while all messages are asked for: those that came meanwhile

export function put(messages) {
  for (const m of messages) {
    m.version = (state.messages.get(m.id)?.version ?? 0) + 1;
    state.messages.set(m.id, m);
    arrived?.set(m.id, m);
  }
  if (state.messages.size > state.room * 1.1) trim();
  changed();
}

// came takes a message from the stream of events: one that is new is one more that the simulator keeps.
export function came(m) {
  if (!state.messages.has(m.id) && (!newest() || byTime(newest(), m) < 0)) {
    state.total = Math.min(state.total + 1, state.server?.keep ?? Infinity);
  }
  if (!last || byTime(last, m) < 0) last = m;
  put([m]);
}

let last = null; // the newest message that came

const newest = () => last;

// trim lets the oldest go, but for those of the open conversation.
function trim() {
  const old = [...state.messages.values()].filter((m) => handset(m) !== state.open).sort(byTime);
  const gone = old.slice(0, Math.max(0, state.messages.size - state.room));
  for (const m of gone) state.messages.delete(m.id);
  state.oldest = old[gone.length] ?? state.oldest;
}

// addPage takes the page behind the oldest one.
export function addPage({ messages, total }) {
  state.room = Math.max(state.room, state.messages.size + messages.length + KEEP);
  state.total = total;
  state.oldest = messages[messages.length - 1] ?? state.oldest;
  put(messages);
}

// more reports whether the simulator keeps messages older than those of the pages asked for.
export function more() {
  if (!state.oldest) return false;
  let n = 0;
  for (const m of state.messages.values()) if (byTime(m, state.oldest) >= 0) n++;
  return n < state.total;
}

// addFound takes a page of what was searched for.
export function addFound(query, { messages, total }) {
  const before = state.found?.query === query ? state.found : { here: 0 };
  state.found = { query, total, here: before.here + messages.length, last: messages[messages.length - 1] ?? before.last };
  state.room = Math.max(state.room, state.messages.size + messages.length + KEEP);
  put(messages);
}

// inPages is how many messages of the pages are here.
export function inPages() {
  let n = 0;
  for (const m of state.messages.values()) if (!state.oldest || byTime(m, state.oldest) >= 0) n++;
  return Math.min(n, state.total);
}

// load asks for all messages anew. What comes by events meanwhile is newer than the answer, and stays.
export async function load(ask) {
  const mine = (arrived = new Map());
  let messages, total;
  try {
    ({ messages, total } = await ask());
    if (arrived !== mine) return; // asked for again meanwhile
  } finally {
    if (arrived === mine) arrived = null;
  }
  const old = state.messages;
  state.messages = new Map();
  for (const m of messages) {
    m.version = (old.get(m.id)?.version ?? 0) + 1;
    state.messages.set(m.id, m);
  }
  let more = 0;
  for (const m of mine.values()) {
    if (!state.messages.has(m.id)) more++;
    state.messages.set(m.id, m);
  }
  state.loaded = true;
  state.total = total + more;
  state.room = KEEP;
  state.oldest = messages[messages.length - 1] ?? null;
  last = [...state.messages.values()].sort(byTime).pop() ?? null;
  changed();
}

const byTime = (a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.id.length - b.id.length || (a.id < b.id ? -1 : 1));

// conversation is the messages of one handset, the oldest first.
export const conversation = (number) => [...state.messages.values()].filter((m) => handset(m) === number).sort(byTime);

const holds = (m, wanted) => [m.from, m.to, m.text].some((s) => s.toLowerCase().includes(wanted));

// conversations are all handsets with what matches, the newest first. Without a search those whose newest message is older
// than the pages are left out: between them others are missing.
export function conversations(search) {
  const wanted = search.trim().toLowerCase();
  const found = new Map();
  for (const m of state.messages.values()) {
    if (wanted && !holds(m, wanted) && !holds(m, digits(wanted) || wanted)) continue;
    const number = handset(m);
    const c = found.get(number);
    if (!c) found.set(number, { number, count: 1, last: m });
    else {
      c.count++;
      if (byTime(c.last, m) < 0) c.last = m;
    }
  }
  return [...found.values()].filter((c) => wanted || c.number === state.open || !state.oldest || byTime(c.last, state.oldest) >= 0)
    .sort((a, b) => byTime(b.last, a.last));
}
