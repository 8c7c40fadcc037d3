// A message that is edited in its place: its keys, and how it ends. Sent, it is gone with the thread that
// the server then sends; refused, it stays as it is, and the words for it come above the composer.
import { lastPerson, place as draftPlace } from "./draft.js";
import { answered, isAway, isSend, keyFor, onTouch } from "./sending.js";

const PATIENCE = 10000;

export function connect(form) {
  const box = form.querySelector("textarea");
  const { message } = form.dataset;
  const place = () => document.getElementById(message);
  const composer = document.getElementById("composer-text");
  const notice = () => document.getElementById("composer-notice");
  const wasInComposer = document.activeElement === composer;
  const over = new AbortController();
  let isSending = false, wasFocused = false;

  // Whoever asks for it twice goes on in the first one.
  const [first] = place().querySelectorAll(".edit");
  if (first !== form) {
    form.remove();
    return first.querySelector("textarea").focus();
  }

  // What is written here stands here again after a reload, until it is sent or given up. Whoever was
  // quicker than this script goes on with what they wrote.
  const key = draftPlace(`${lastPerson()}:${form.id}`);
  const was = box.defaultValue;
  const keep = () => {
    if (box.value.trim() && box.value !== was) localStorage.setItem(key, box.value);
    else localStorage.removeItem(key);
  };
  if (box.value === was) box.value = localStorage.getItem(key) ?? was;
  else keep();

  const leave = () => {
    over.abort();
    localStorage.removeItem(key);
    const { parentElement } = form;
    form.remove();
    (wasInComposer ? composer : parentElement.querySelector(".message__edit")).focus();
  };
  const settle = () => {
    isSending = false;
    form.removeAttribute("aria-busy");
  };

  box.addEventListener("keydown", (event) => {
    if (!isSend(event)) return;
    event.preventDefault();
    if (box.value.trim() || form.querySelector("[name=attachment]:checked")) form.requestSubmit();
  });
  box.addEventListener("input", () => {
    keep();
    notice().replaceChildren();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || isSending) return;
    event.preventDefault();
    leave();
  });
  form.querySelector(".edit__cancel").addEventListener("click", (event) => {
    event.preventDefault();
    leave();
  });

  form.addEventListener("submit", (event) => {
    if (isSending) return event.preventDefault();
    isSending = true;
    form.setAttribute("aria-busy", "true");
    notice().replaceChildren();
  });
  form.addEventListener("htmx:config:request", (event) => {
    const { body } = event.detail.ctx.request;
    const field = form.elements.send_key;
    field.value = keyFor(form.id, body.get("text"), field.value, body.getAll("attachment").join());
    body.set("send_key", field.value);
  });
  form.addEventListener("htmx:finally:request", (event) => {
    const { response } = event.detail.ctx;
    if (!isAway(response)) answered();
    if (!(response?.status < 400)) return settle();
    over.abort();
    if (localStorage.getItem(key) === box.value) localStorage.removeItem(key);
    document.dispatchEvent(new Event("edit:accepted"));
    if (!onTouch.matches) composer.focus({ preventScroll: true });
    setTimeout(settle, PATIENCE);
  });

  // A message that is sent anew by the server takes nothing with it that is being written in it.
  document.addEventListener("htmx:before:swap", () => {
    if (form.isConnected) wasFocused = form.contains(document.activeElement);
  }, over);
  document.addEventListener("htmx:after:swap", () => {
    if (form.isConnected || !place()) return;
    place().append(form);
    htmx.process(form);
    if (wasFocused) box.focus({ preventScroll: true });
  }, over);

  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
}
