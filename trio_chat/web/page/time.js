/**
 * Times for people, in the user's language, time zone and habits.
 *
 * This file owns how a moment is written. It has no clock.
 */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const SHORT = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DATE = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const DATE_OF_YEAR = new Intl.DateTimeFormat(undefined, {
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
});
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** The time of day: 14:05. */
export function clock(ms) {
  return CLOCK.format(ms);
}

/** Everything: Sunday, 29 November 2026 at 14:05:09. */
export function full(ms) {
  return FULL.format(ms);
}

/** A day as a key: equal for times of one day here. */
export function dayOf(ms) {
  const date = new Date(ms);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** A day for people: today, yesterday, Friday 27 November. */
export function day(ms, now) {
  const days = daysBetween(now, ms);
  if (days === 0 || days === -1) return capital(RELATIVE.format(days, "day"));
  return (new Date(ms).getFullYear() === new Date(now).getFullYear() ? DATE : DATE_OF_YEAR).format(ms);
}

/** A moment in few letters: the time if it was today, else the day too. */
export function brief(ms, now) {
  return daysBetween(now, ms) === 0 ? clock(ms) : `${SHORT.format(ms)}, ${clock(ms)}`;
}

function daysBetween(from, to) {
  const midnight = (ms) => new Date(ms).setHours(0, 0, 0, 0);
  return Math.round((midnight(to) - midnight(from)) / 86_400_000); // rounded: a day may have 23 hours
}

function capital(text) {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
