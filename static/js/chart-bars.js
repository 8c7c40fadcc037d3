// Bars over time: solid as far as a figure is certain, hatched where it is estimated.
import { kind, roughly } from "./chart-words.js";

export function bars(Plot, box, { places, series }, { unit, amounts, certain }, show) {
  const style = getComputedStyle(box);
  const color = (name) => style.getPropertyValue(`--color-${name}`);
  const paths = Plot.paths.bars({ size: [0.72, 44] });
  const bar = { paths, stroke: color("accent"), width: 1, points: { show: false } };
  const axis = {
    font: `${Math.round(parseFloat(style.fontSize))}px ${style.fontFamily}`,
    stroke: color("quiet"), ticks: { show: false }, gap: 8,
  };
  const options = {
    width: box.clientWidth,
    height: Math.floor(box.clientHeight / series.length),
    padding: [12, 20, 0, 0],
    legend: { show: false },
    cursor: { x: false, y: false, points: { show: false }, drag: { x: false, setScale: false } },
    scales: {
      x: { time: false, range: [-0.5, places.length - 0.5] },
      y: { range: (_plot, _low, high) => [0, high * 1.05 || 1] },
    },
    series: [
      {},
      { ...bar, fill: hatching(color("accent")) },
      { ...bar, fill: color("accent") },
    ],
    axes: [
      {
        ...axis, grid: { show: false }, space: 56, incrs: kind(places[0]).steps, size: 28,
        values: (_plot, indices) => indices.map((index) => kind(places[index]).short(places[index])),
      },
      {
        ...axis, grid: { stroke: color("line"), width: 1 }, space: 44, size: width,
        values: (_plot, values, _axis, _space, step) => values.map(roughly(unit, step)),
      },
    ],
    hooks: { setCursor: [(plot) => show(plot.cursor.idx)] },
  };
  const nothing = (amount) => amount || null;
  const data = [places.map((_, index) => index), amounts.map(nothing), certain.map(nothing)];
  return new Plot(options, data, box);
}

// Of the axis: as wide as its longest label.
function width(plot, labels) {
  if (!labels) return 40;
  plot.ctx.save();
  plot.ctx.font = plot.axes[1].font[0];
  const longest = Math.max(...labels.map((label) => plot.ctx.measureText(label).width));
  plot.ctx.restore();
  return Math.ceil(longest / devicePixelRatio) + 12;
}

function hatching(color) {
  const side = Math.round(5 * devicePixelRatio);
  const tile = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const pen = tile.getContext("2d");
  pen.strokeStyle = color;
  pen.lineWidth = side / 4;
  for (const shift of [-side, 0, side]) {
    pen.moveTo(shift - 1, side + 1);
    pen.lineTo(shift + side + 1, -1);
  }
  pen.stroke();
  return pen.createPattern(tile, "repeat");
}
