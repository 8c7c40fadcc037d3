// What the chart says of one place, in words: under the pointer, or gone to with the arrow keys.
import { exactly, kind } from "./chart-words.js";

const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

export function follow(figure, chart) {
  const box = figure.querySelector(".chart__plots");
  const words = figure.querySelector(".chart__reading");
  const reading = { plots: [], show };
  let place = null;

  function show(index) {
    if (index === place) return;
    place = index ?? null;
    words.value = place === null ? "" : sentence(chart, place);
    for (const plot of reading.plots) mark(plot, place);
  }

  box.tabIndex = 0;
  box.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    const { length } = chart.places;
    show(Math.min(length - 1, Math.max(0, (place ?? length) + STEPS[event.key])));
  });
  box.addEventListener("blur", () => show(null));
  return reading;
}

function sentence({ places, words, series: [{ amounts, certain }] }, index) {
  const tokens = () => (certain[index] < amounts[index] ? "≈\u00a0" : "") + exactly(amounts[index]);
  return `${kind(places[index]).long(places[index])}: ${words ? words[index] ?? "–" : tokens()}`;
}

// A soft column behind the bar.
function mark(plot, place) {
  plot.mark ??= plot.under.appendChild(Object.assign(document.createElement("div"), { className: "chart__mark" }));
  plot.mark.hidden = place === null;
  if (place === null) return;
  const [left, right] = [place - 0.5, place + 0.5].map((value) => plot.valToPos(value, "x"));
  Object.assign(plot.mark.style, { left: `${left}px`, width: `${right - left}px` });
}
