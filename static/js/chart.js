// A chart of the table below it. Its library is fetched where there is one, and it is drawn again when
// its place or the theme changes.
import { bars } from "./chart-bars.js";
import { read } from "./chart-figures.js";
import { follow } from "./chart-reading.js";

const DARK = matchMedia("(prefers-color-scheme: dark)");

export async function connect(figure) {
  const { table, start, end, library } = figure.dataset;
  const chart = read(document.getElementById(table), start, end);
  const [Plot] = await Promise.all([loaded(library), document.fonts.ready]);
  figure.hidden = !Plot;
  if (!Plot) return;
  const box = figure.querySelector(".chart__plots");
  const reading = follow(figure, chart);
  const draw = () => {
    for (const plot of reading.plots) plot.destroy();
    reading.plots = chart.series.map((each) => bars(Plot, box, chart, each, reading.show));
  };
  // The first call comes at once.
  new ResizeObserver(draw).observe(box);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  DARK.addEventListener("change", draw);
}

// Nothing if it does not come.
let library;
function loaded(source) {
  return library ??= new Promise((done) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = script.onerror = () => done(window.uPlot);
    document.head.append(script);
  });
}
