// Says quietly that the line is lost, once that has lasted, and that it is there again.
const PATIENCE = 1500;
const FAREWELL = 2000;

export function connect(words) {
  let isLost = false;
  let timer;

  const show = (state) => {
    if (words.dataset.state === state) return;
    words.dataset.state = state;
    document.body.dataset.line = state;
    words.textContent = words.dataset[state] ?? "";
  };
  const isShown = () => ["reconnecting", "offline"].includes(words.dataset.state);
  const tell = () => show(navigator.onLine ? "reconnecting" : "offline");

  document.addEventListener("line:lost", () => {
    if (isLost) return;
    isLost = true;
    clearTimeout(timer);
    if (words.dataset.state === "back") show("");
    timer = setTimeout(tell, PATIENCE);
  });
  document.addEventListener("line:live", () => {
    if (!isLost) return;
    isLost = false;
    clearTimeout(timer);
    if (!isShown()) return;
    // What was said about the line is over with it.
    document.getElementById("composer-notice")?.replaceChildren();
    show("back");
    timer = setTimeout(() => show(""), FAREWELL);
  });
  for (const sign of ["online", "offline"]) window.addEventListener(sign, () => isShown() && tell());
}
