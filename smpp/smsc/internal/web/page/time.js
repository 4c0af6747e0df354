// Times as people read them, in the browser's own zone and language.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const exactClock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
const dayMonth = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

const sameDay = (a, b) => a.toDateString() === b.toDateString();

export const shortTime = (iso) => clock.format(new Date(iso));
export const exactTime = (iso) => exactClock.format(new Date(iso));

// listTime is the clock today, the date before.
export function listTime(iso) {
  const t = new Date(iso);
  return sameDay(t, new Date()) ? clock.format(t) : dayMonth.format(t);
}

export function dayName(iso) {
  const t = new Date(iso), now = new Date();
  return sameDay(t, now) ? "Today" : longDay.format(t);
}

// span is the time between two, as short as it can be said: 240 ms, 3.2 s, 4 min.
export function span(from, to) {
  const ms = new Date(to) - new Date(from);
  if (ms < 1000) return `${Math.max(0, ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}
