// Draws diagrams, each in a frame that may do nothing else: it has no origin, no line and no way to this
// page but what it says of its height. What it cannot draw, or not in time, stays as it was written.
const PATIENCE = 15000;
const HIGHEST = 2000;
const isDark = () => getComputedStyle(document.documentElement).colorScheme === "dark";

const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    draw(target);
  }
}, { rootMargin: "50%" });

export function equip(text) {
  for (const block of text.querySelectorAll(".code[data-diagram]:not([data-drawn])")) {
    block.dataset.drawn = "waiting";
    near.observe(block);
  }
}

function draw(block) {
  const words = block.closest("[data-behavior]").dataset;
  const source = block.querySelector("code").textContent;
  const frame = document.createElement("iframe");
  frame.className = "code__diagram";
  frame.title = words.diagram;
  frame.setAttribute("sandbox", "allow-scripts");
  frame.referrerPolicy = "no-referrer";
  frame.src = words.frame;

  const over = new AbortController();
  const timer = setTimeout(() => end("failed"), PATIENCE);
  const ask = () => frame.contentWindow?.postMessage({ source, isDark: isDark() }, "*");
  const end = (how) => {
    clearTimeout(timer);
    if (block.dataset.drawn === "waiting") (how === "drawn" ? offerSource : sayWhy)(block, words);
    block.dataset.drawn = how;
    if (how === "drawn") return;
    over.abort();
    frame.remove();
  };

  addEventListener("message", ({ source: from, data }) => {
    if (from !== frame.contentWindow) return;
    if (data?.isReady) return ask();
    const height = Number(data?.height);
    if (!(height > 0)) return end("failed");
    frame.height = Math.min(Math.ceil(height), HIGHEST);
    end("drawn");
  }, over);
  new MutationObserver(ask).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ask, over);
  block.append(frame);
}

function offerSource(block, words) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button--quiet code__tool";
  button.textContent = words.source;
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const isShown = block.toggleAttribute("data-source-shown");
    button.setAttribute("aria-pressed", String(isShown));
  });
  block.querySelector(".code__tools").prepend(button);
}

function sayWhy(block, words) {
  const note = document.createElement("p");
  note.className = "code__note";
  note.textContent = words.undrawn;
  block.append(note);
}
