// What the page knows: the newest messages, by conversation, the sessions and the rules. Views subscribe to be drawn
// again; changes of one frame are drawn together.

const KEEP = 2000; // messages in the page; the simulator keeps more

export const state = {
  messages: new Map(), // by id
  sessions: [],
  rules: [],
  server: null, // addresses, magic numbers and names, from /api/v1/server
  kept: 0,
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
  if (state.messages.size > KEEP * 1.1) {
    const oldest = [...state.messages.values()].sort(byTime).slice(0, state.messages.size - KEEP);
    for (const m of oldest) state.messages.delete(m.id);
  }
  changed();
}

// load asks for all messages anew. What comes by events meanwhile is newer than the answer, and stays.
export async function load(ask) {
  const mine = (arrived = new Map());
  let messages;
  try {
    messages = await ask();
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
  for (const m of mine.values()) state.messages.set(m.id, m);
  changed();
}

const byTime = (a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.id.length - b.id.length || (a.id < b.id ? -1 : 1));

// conversation is the messages of one handset, the oldest first.
export const conversation = (number) => [...state.messages.values()].filter((m) => handset(m) === number).sort(byTime);

const holds = (m, wanted) => [m.from, m.to, m.text].some((s) => s.toLowerCase().includes(wanted));

// conversations are all handsets with what matches, the newest first.
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
  return [...found.values()].sort((a, b) => byTime(b.last, a.last));
}
