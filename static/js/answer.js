// What an answer needs that the server cannot do is fetched as soon as there is something to do it to, also
// while it is written. What is done here changes elements that are whole, and never how many there are beside
// one another: what still comes has its place by that.
const parts = [
  [".code", () => import("./code-tools.js")],
  [".math, .math-block", () => import("./formulas.js")],
  ["[data-diagram]", () => import("./diagrams.js")],
];

export function connect(text) {
  let isAwaited = false;
  const look = () => {
    isAwaited = false;
    equip(text);
  };
  equip(text);
  new MutationObserver(() => {
    if (!isAwaited) requestAnimationFrame(look);
    isAwaited = true;
  }).observe(text, { childList: true, subtree: true });
}

async function equip(text) {
  for (const [what, load] of parts) if (text.querySelector(what)) (await load()).equip(text);
}
