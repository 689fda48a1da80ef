// Money, times and counts, as people read them.

/** Dollars; of few of them the first digits that are not zero. */
function money(dollars) {
  if (typeof dollars !== 'number') return '–';
  const isSmall = dollars !== 0 && Math.abs(dollars) < 0.1;
  const digits = isSmall ? {maximumSignificantDigits: 3} : {minimumFractionDigits: 2, maximumFractionDigits: 4};
  return dollars.toLocaleString('en', {style: 'currency', currency: 'USD', ...digits});
}

function count(number, one, many) {
  return number.toLocaleString('en') + ' ' + (number === 1 ? one : many);
}

/** A point in time; nothing where there is none. */
function moment(text) {
  const at = typeof text === 'string' ? new Date(text) : null;
  return at && !Number.isNaN(at.getTime()) ? at : null;
}

const UNITS = [['year', 31536e6], ['month', 2592e6], ['day', 864e5], ['hour', 36e5], ['minute', 6e4], ['second', 1e3]];
const AWAY = new Intl.RelativeTimeFormat('en');

/** How far it is from now: "in 3 days", "2 hours ago". */
function away(at) {
  const ms = at - Date.now();
  const [unit, size] = UNITS.find(([, size]) => Math.abs(ms) >= size) || UNITS.at(-1);
  return AWAY.format(Math.round(ms / size), unit);
}

/** The whole of it, by the reader's clock. */
function onClock(at) {
  return at.toLocaleString([], {dateStyle: 'medium', timeStyle: 'medium'});
}

/** The hour, and the day where it is not today. */
function shortly(at) {
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? at.toLocaleTimeString() : at.toLocaleString([], {dateStyle: 'short', timeStyle: 'medium'});
}
