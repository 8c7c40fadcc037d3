// A message that met a restart, or no line at all, waits here and is sent again by itself. Whoever changes
// it meanwhile has a draft again, and a page that is loaded anew has a draft too.
import { isAway } from "./sending.js";

const SHORTEST = 500;
const LONGEST = 5000;
const PATIENCE = 5000;

export function connect(form) {
  const box = form.querySelector("textarea");
  const place = document.querySelector(".dock__waiting");
  const words = place.querySelector("p");
  const cancel = place.querySelector("button");
  let waiting;
  let pause;
  let timer;
  let isCancelled = false;

  const isSending = () => form.getAttribute("aria-busy") === "true";
  // Set only where it is another: a screen reader says it each time.
  const say = (sentence) => {
    if (words.textContent !== sentence) words.textContent = sentence;
    cancel.hidden = !sentence;
  };
  const tell = () => say(navigator.onLine ? place.dataset.restarting : place.dataset.offline);
  const stop = () => {
    clearTimeout(timer);
    waiting = undefined;
    say("");
  };
  const wait = () => {
    tell();
    clearTimeout(timer);
    timer = setTimeout(look, pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 1.6, LONGEST);
  };
  const look = async () => {
    if (waiting === undefined || isSending()) return;
    clearTimeout(timer);
    const isBack = await isThere();
    if (waiting === undefined || isSending()) return;
    if (isBack) form.requestSubmit();
    else wait();
  };

  form.addEventListener("submit", () => (isCancelled = false));
  form.addEventListener("composer:unreached", ({ detail }) => {
    if (isCancelled) return (isCancelled = false);
    if (waiting === undefined) pause = SHORTEST;
    waiting = detail;
    wait();
  });
  form.addEventListener("composer:answered", () => {
    isCancelled = false;
    stop();
  });
  box.addEventListener("input", () => {
    if (box.value !== waiting) stop();
  });
  cancel.addEventListener("click", () => {
    isCancelled = isSending();
    stop();
    if (isCancelled) htmx.trigger(form, "htmx:abort");
    box.focus();
  });

  // Whatever says that the line is there again, or that somebody looks at the page again.
  for (const sign of ["online", "focus"]) window.addEventListener(sign, look);
  document.addEventListener("htmx:ws:after:connection", look);
  window.addEventListener("offline", () => waiting !== undefined && tell());
}

async function isThere() {
  try {
    const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    return !isAway(answer);
  } catch {
    return false;
  }
}
