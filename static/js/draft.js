// Keeps what is being written, through a reload, a failed send and an ended session.
// It is forgotten once the server has taken it, and only if nothing was changed since.
const PAUSE = 400;
const SENT = "evoweb:sent";

export function connect(form) {
  const key = `evoweb:draft:${form.dataset.draft}`;
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
  form.addEventListener("submit", () => {
    keep();
    if (!form.hasAttribute("hx-post")) sessionStorage.setItem(SENT, JSON.stringify([key, box.value]));
  });
}

// A form that was sent as a page leads to the page of its conversation: there it stands as a prompt.
function forgetWhatArrived() {
  const [key, text] = JSON.parse(sessionStorage.getItem(SENT) ?? "[]");
  sessionStorage.removeItem(SENT);
  const prompts = [...document.querySelectorAll(".message[data-role=user] .message__text")];
  const arrived = prompts.some((prompt) => prompt.textContent === text);
  if (arrived && localStorage.getItem(key) === text) localStorage.removeItem(key);
}

function fill(box, text) {
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
}
