// Sets formulas by KaTeX, a few at a time, so that nobody waits for many. One that it cannot read stays as
// it was written. Nothing in one may lead anywhere, load anything or grow without end.
const LONGEST = 5000;
const SLICE = 8;
const options = { throwOnError: true, trust: false, strict: "ignore", maxExpand: 500, maxSize: 30, output: "htmlAndMathml" };

let loading;
const waiting = new Set();
let isAtIt = false;

export async function equip(text) {
  for (const formula of text.querySelectorAll(":is(.math, .math-block):not([data-set])")) {
    formula.dataset.set = "";
    waiting.add(formula);
  }
  if (!waiting.size || isAtIt) return;
  isAtIt = true;
  try {
    await (loading ??= load());
    while (waiting.size) {
      setSome();
      await new Promise((later) => setTimeout(later));
    }
  } catch {
    // Neither here nor now: they can be read as they are, and the next one tries again.
    loading = undefined;
  }
  isAtIt = false;
}

async function load() {
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = document.querySelector("meta[name=katex-style]").content;
  const styled = new Promise((done, failed) => {
    style.addEventListener("load", done);
    style.addEventListener("error", failed);
  });
  document.head.append(style);
  await Promise.all([styled, import("../vendor/katex/katex.min.js")]);
}

function setSome() {
  const until = performance.now() + SLICE;
  for (const formula of waiting) {
    waiting.delete(formula);
    if (formula.isConnected && formula.textContent.length <= LONGEST) setOne(formula);
    if (performance.now() > until) return;
  }
}

function setOne(formula) {
  const source = formula.textContent;
  const set = document.createElement("span");
  try {
    katex.render(source, set, { ...options, displayMode: formula.matches(".math-block") });
  } catch {
    return;
  }
  formula.dataset.set = "done";
  formula.dataset.source = source;
  formula.replaceChildren(set);
}
