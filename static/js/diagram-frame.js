// Within the frame of a diagram: draws what the page asks for, and says how high that is.

// Of its natural size: smaller, and its words cannot be read.
const LEAST = 0.7;
let number = 0;
let shown;

addEventListener("message", async ({ source, data }) => {
  if (source !== parent || typeof data?.source !== "string") return;
  const mine = ++number;
  document.documentElement.dataset.theme = data.isDark ? "dark" : "light";
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    // What a diagram may not set itself.
    secure: ["secure", "securityLevel", "startOnLoad", "maxTextSize", "suppressErrorRendering", "maxEdges", "htmlLabels", "flowchart"],
    theme: data.isDark ? "dark" : "neutral",
    fontFamily: "inherit",
    maxTextSize: 20000,
    maxEdges: 400,
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    suppressErrorRendering: true,
  });
  try {
    const { svg } = await mermaid.render(`diagram-${mine}`, data.source);
    if (mine !== number) return;
    const box = document.getElementById("diagram");
    box.innerHTML = svg;
    const drawing = box.querySelector("svg");
    drawing.style.minInlineSize = `${LEAST * drawing.viewBox.baseVal.width}px`;
    // There is nowhere to go from here.
    for (const link of box.querySelectorAll("a")) link.replaceWith(...link.childNodes);
    shown ??= new ResizeObserver(tell);
    shown.observe(box);
    tell();
  } catch {
    if (mine === number) parent.postMessage({ height: 0 }, "*");
  }
});

// While the page shows something else in its place it has none.
function tell() {
  const box = document.getElementById("diagram");
  // What reaches beyond the frame can be moved by keys, too.
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
  // With the bar under it, where there is one.
  const height = box.scrollHeight + box.offsetHeight - box.clientHeight;
  if (height) parent.postMessage({ height }, "*");
}

parent.postMessage({ isReady: true }, "*");
