// How charts write places and amounts, in the language of the page.
const { lang } = document.documentElement;
// The server writes the day before the month.
const language = lang === "en" ? "en-GB" : lang;

function dates(parts) {
  const format = new Intl.DateTimeFormat(language, { ...parts, timeZone: "UTC" });
  return (place) => format.format(new Date(place));
}
const numbers = (parts) => new Intl.NumberFormat(language, parts);

export const exactly = (count) => numbers().format(count);
// By how a table writes it for machines: 2026-11-23, 2026-11 or 09:00. `steps` are apart on the axis.
const KINDS = {
  10: {
    short: dates({ day: "numeric", month: "short" }),
    long: dates({ weekday: "short", day: "numeric", month: "short", year: "numeric" }),
    steps: [1, 2, 7, 14, 28, 56, 112],
  },
  7: {
    short: dates({ month: "short", year: "2-digit" }),
    long: dates({ month: "long", year: "numeric" }),
    steps: [1, 2, 3, 6, 12],
  },
  5: { short: (place) => place, long: (place) => `${place}–${place.slice(0, 3)}59`, steps: [1, 2, 3, 6, 12] },
};
export const kind = (place) => KINDS[place.length];

// Along the axis, in steps of so much: $0.50, $1.2K, 400K.
export function roughly(unit, step) {
  const money = unit === "tokens" ? {} : { style: "currency", currency: unit, currencyDisplay: "narrowSymbol" };
  const digits = Math.max(2, Math.ceil(-Math.log10(step)));
  const length = step < 1
    ? { minimumFractionDigits: digits, maximumFractionDigits: digits }
    : { notation: "compact", minimumFractionDigits: 0, maximumSignificantDigits: 3 };
  const format = numbers({ ...money, ...length });
  return (amount) => format.format(amount);
}
