// The figures of a chart, read out of the cells of its table.

// All places from the first to the last, and of each unit the amounts there, and how much of each is certain.
// Tokens are shown where nothing has a price; what has one is said in the words of the table.
export function read(table, start, end) {
  const places = [start];
  while (places.at(-1) < end) places.push(following(places.at(-1)));
  const units = new Map();
  const words = [];
  for (const row of table.tBodies[0].rows) {
    const at = places.indexOf(row.querySelector("time").dateTime);
    const cells = [...row.querySelectorAll("[data-figures]")];
    words[at] = cells[0]?.textContent.trim();
    for (const [unit, amount, certain] of cells.flatMap(figures)) {
      if (!units.has(unit)) units.set(unit, { unit, amounts: zeros(places), certain: zeros(places) });
      units.get(unit).amounts[at] += Number(amount);
      units.get(unit).certain[at] += Number(certain);
    }
  }
  const money = [...units.values()].filter(({ unit }) => unit !== "tokens");
  return money.length ? { places, words, series: money } : { places, series: [...units.values()] };
}

const figures = (cell) => (cell.dataset.figures.match(/\S+/g) ?? []).map((figure) => figure.split(":"));
const zeros = (places) => places.map(() => 0);

// The next hour, day or month, each as the table writes it for machines.
function following(place) {
  if (place.length === "09:00".length) return `${String(parseInt(place) + 1).padStart(2, "0")}:00`;
  const date = new Date(place);
  if (place.length === "2026-11".length) date.setUTCMonth(date.getUTCMonth() + 1);
  else date.setUTCDate(date.getUTCDate() + 1);
  return date.toISOString().slice(0, place.length);
}
