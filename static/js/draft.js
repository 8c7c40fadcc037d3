// Keeps what is being written, through a reload, a failed send and an ended session.
// It is forgotten once the server has taken it, and only if nothing was changed since.
import { answered, hasArrived, unanswered } from "./sending.js";

const PAUSE = 400;

export function connect(form) {
  const key = place(form.dataset.draft);
  const box = form.querySelector("textarea");
  let timer;

  const keep = () => {
    clearTimeout(timer);
    if (box.value.trim()) localStorage.setItem(key, box.value);
    else localStorage.removeItem(key);
  };

  forgetWhatArrived();
  const draft = localStorage.getItem(key);
  if (draft && !box.value) fill(box, draft);

  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(keep, PAUSE);
  });
  window.addEventListener("pagehide", keep);
  document.addEventListener("visibilitychange", keep);
  form.addEventListener("composer:accepted", (event) => {
    if (localStorage.getItem(key) === event.detail) localStorage.removeItem(key);
    setTimeout(keep);
  });
  form.addEventListener("submit", keep);
}

function place(draft) {
  return `evoweb:draft:${draft}`;
}

// The answer to a send may be lost, or be the page of a new conversation: then the text stands as a prompt.
function forgetWhatArrived() {
  const sent = unanswered();
  if (!sent || !hasArrived(sent)) return;
  answered();
  if (localStorage.getItem(place(sent.draft)) === sent.text) localStorage.removeItem(place(sent.draft));
}

function fill(box, text) {
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
}
