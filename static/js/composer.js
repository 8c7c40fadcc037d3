// The box in which a message is written: its keys, its height, and when it may be sent.

const onTouch = matchMedia("(pointer: coarse)");
const growsItself = CSS.supports("field-sizing", "content");

export function connect(form) {
  const box = form.querySelector("textarea");
  let sending = false;

  const update = () => {
    grow(box);
    const send = form.querySelector(".composer__send");
    if (send) send.disabled = sending || !box.value.trim();
  };
  const settle = () => {
    sending = false;
    form.removeAttribute("aria-busy");
    update();
  };

  box.addEventListener("input", update);
  box.addEventListener("keydown", (event) => {
    // While an input method composes, Enter chooses a word; some browsers say so only by code 229.
    if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    if (event.shiftKey || event.altKey || (onTouch.matches && !event.ctrlKey && !event.metaKey)) return;
    event.preventDefault();
    if (!sending && box.value.trim()) form.requestSubmit();
  });

  form.addEventListener("submit", (event) => {
    if (sending) return event.preventDefault();
    sending = true;
    form.setAttribute("aria-busy", "true");
    document.querySelector("[data-failed]").replaceChildren();
    // Not at once: a button that is switched off during the event would not be sent along.
    setTimeout(update);
    // A page that is left may yet stay, when its reader stops it.
    if (!form.hasAttribute("hx-post")) setTimeout(settle, 10000);
  });
  form.addEventListener("htmx:finally:request", (event) => {
    if (event.target !== form) return;
    const { request, response } = event.detail.ctx;
    if (response?.status < 400) accepted(form, box, request.body.get("text"));
    else sayWhy();
    settle();
  });
  // Send and Stop are replaced while a reply runs; the focus goes on in the box.
  document.addEventListener("htmx:after:swap", () => {
    update();
    if (document.activeElement === document.body && !onTouch.matches) box.focus({ preventScroll: true });
  });

  update();
  if (!onTouch.matches) box.focus({ preventScroll: true });
}

// How high at most is a matter of style.
function grow(box) {
  if (growsItself) return;
  box.style.blockSize = "auto";
  box.style.blockSize = `${box.scrollHeight}px`;
}

function accepted(form, box, body) {
  const sent = body.replaceAll("\r\n", "\n");
  form.dispatchEvent(new CustomEvent("composer:accepted", { detail: sent }));
  // What was typed since stays: it is the next message.
  if (box.value === sent) box.value = "";
}

// A refusal brings its own words. A broken line and a broken server do not.
function sayWhy() {
  const notice = document.querySelector("[data-failed]");
  if (notice.childElementCount) return;
  const words = document.createElement("p");
  words.textContent = notice.dataset.failed;
  notice.append(words);
}
