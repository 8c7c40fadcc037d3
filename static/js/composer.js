// The box in which a message is written: its keys, its height, and when it may be sent.
import { answered, isAway, isSend, keyFor, onTouch } from "./sending.js";

const growsItself = CSS.supports("field-sizing", "content");

export function connect(form) {
  const box = form.querySelector("textarea");
  let sending = false, estimate, prompts;

  const notice = () => document.getElementById("composer-notice");
  // A picture alone says something too, also while it is on its way.
  const isEmpty = () => !box.value.trim() && !form.querySelector(".attached__item");
  const arm = () => {
    const send = form.querySelector(".composer__send");
    if (send) send.disabled = sending || isEmpty();
  };
  const update = () => {
    grow(box);
    arm();
    estimate?.show(box);
  };
  const settle = () => {
    sending = false;
    form.removeAttribute("aria-busy");
    update();
  };

  const count = async () => {
    estimate ??= await import("./estimate.js");
    estimate.show(box);
  };

  // What begins with a `/` may be the name of a prompt.
  const look = async () => {
    prompts ??= import("./prompts.js").then((module) => module.connect(form));
    await prompts.then((list) => list.look(), () => (prompts = undefined));
  };
  const send = async () => {
    if (sending || isEmpty()) return;
    if (!(await prompts?.then((list) => list.takes(), () => false))) form.requestSubmit();
  };

  box.addEventListener("input", ({ detail }) => {
    notice().replaceChildren();
    update();
    if (detail !== "put" && (prompts || box.value.startsWith("/"))) look();
    // Once it is there, every update shows it.
    if (!estimate) count();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowUp" && !box.value) return editLast(event);
    if (!isSend(event)) return;
    event.preventDefault();
    send();
  });

  form.addEventListener("submit", (event) => {
    if (sending) return event.preventDefault();
    sending = true;
    form.setAttribute("aria-busy", "true");
    notice().replaceChildren();
    // Not at once: a button that is switched off during the event would not be sent along.
    setTimeout(update);
  });
  form.addEventListener("htmx:config:request", (event) => {
    if (event.target !== form) return;
    const { body } = event.detail.ctx.request;
    const field = form.elements.send_key;
    field.value = keyFor(form.dataset.draft, body.get("text"), field.value, body.getAll("attachment").join());
    body.set("send_key", field.value);
  });
  form.addEventListener("htmx:before:response", (event) => {
    // Of a server that is away it is said here, once, that the message waits for it.
    if (event.target === form && isAway(event.detail.ctx.response)) event.preventDefault();
  });
  form.addEventListener("htmx:finally:request", (event) => {
    if (event.target !== form) return;
    const { request, response } = event.detail.ctx;
    const sent = request.body.get("text");
    if (isAway(response)) unreached(form, box, notice(), sent);
    else if (response.headers.has("HX-Redirect")) return leave(form, settle);
    else {
      answered();
      form.dispatchEvent(new Event("composer:answered"));
      if (response.status < 400) accepted(form, box, sent);
      else sayWhy(notice(), notice().dataset.failed);
    }
    settle();
  });
  // Stop and Try again are not sent as a form: of them only the line can say nothing.
  document.addEventListener("htmx:finally:request", (event) => {
    if (event.target !== form && !event.detail.ctx.response) sayWhy(notice(), notice().dataset.down);
  });
  new MutationObserver(arm).observe(form, { childList: true, subtree: true });
  // Send and Stop are replaced while a reply runs. If the focus was there it goes on in the box, and
  // what was said about a reply that ran is over with it.
  let wasRunning = false, wasFocused = false;
  document.addEventListener("htmx:before:swap", () => {
    wasRunning = Boolean(document.getElementById("stop"));
    wasFocused = form.contains(document.activeElement);
  });
  document.addEventListener("htmx:after:swap", () => {
    update();
    if (wasRunning && !document.getElementById("stop")) {
      notice().replaceChildren();
      form.dispatchEvent(new Event("ended"));
    }
    if (wasFocused && document.activeElement === document.body && !onTouch.matches) {
      box.focus({ preventScroll: true });
    }
  });

  update();
  if (box.value) count();
  // What was typed before this came; a text that was left is no call for the list.
  if (box.value !== box.defaultValue && box.value.startsWith("/")) look();
  // Whoever was quicker stays where they are.
  if (document.activeElement === document.body && !onTouch.matches) box.focus({ preventScroll: true });
}

// From the empty box the way up leads to what was written last.
function editLast(event) {
  const last = [...document.querySelectorAll(".message__edit")].at(-1);
  if (!last || event.isComposing || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  last.click();
}

// How high at most is a matter of style.
function grow(box) {
  if (growsItself) return;
  box.style.blockSize = "auto";
  box.style.blockSize = `${box.scrollHeight}px`;
}

// What was changed meanwhile is a draft that nobody has sent.
function unreached(form, box, notice, sent) {
  if (box.value !== sent) return sayWhy(notice, notice.dataset.failed);
  form.dispatchEvent(new CustomEvent("composer:unreached", { detail: sent }));
}

// On to the new conversation: the text stands here until its page comes, and there it is forgotten. A
// page that is left may yet stay, when its reader stops it.
function leave(form, settle) {
  form.dispatchEvent(new Event("composer:answered"));
  setTimeout(settle, 10000);
}

function accepted(form, box, sent) {
  form.dispatchEvent(new CustomEvent("composer:accepted", { detail: sent }));
  // What was typed since stays: it is the next message.
  if (box.value.startsWith(sent)) box.value = box.value.slice(sent.length).trimStart();
}

// A refusal brings its own words. A broken line and a broken server do not.
function sayWhy(notice, why) {
  if (document.querySelector(".dock__notice:not([hidden]) p")) return;
  const words = document.createElement("p");
  words.textContent = why;
  notice.append(words);
}
