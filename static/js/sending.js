// What the parts of the composer share: when a send did not arrive for all one knows, and the key that
// it goes with. The same text, with the same pictures, goes with the same key until the server has answered, also after a reload,
// so that it makes one turn even if it had arrived before; another text goes with another key.
const SENT = "evoweb:sent";
const AWAY = [502, 503, 504];

export const onTouch = matchMedia("(pointer: coarse)");

// No answer at all, that of a server about to go, or that of a proxy before a server that is gone.
export function isAway(response) {
  return !response || AWAY.includes(response.status);
}

export function keyFor(draft, text, offered, pictures = "") {
  const sent = unanswered();
  let key = offered;
  if (sent?.draft === draft && sent.text === text && sent.pictures === pictures) key = sent.key;
  else if (sent?.key === offered) key = newKey();
  const prompts = shownPrompts().length;
  sessionStorage.setItem(SENT, JSON.stringify({ draft, text, key, prompts, pictures }));
  return key;
}

// While an input method composes, Enter chooses a word; some browsers say so only by code 229.
export function isSend(event) {
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return false;
  return !(event.shiftKey || event.altKey || (onTouch.matches && !event.ctrlKey && !event.metaKey));
}

export function unanswered() {
  return JSON.parse(sessionStorage.getItem(SENT) ?? "null");
}

export function answered() {
  sessionStorage.removeItem(SENT);
}

// Whether what got no answer stands in the page as a prompt that was not there before.
export function hasArrived({ text, prompts }) {
  return shownPrompts().slice(prompts).some((prompt) => prompt.textContent === text);
}

export function shownPrompts() {
  return [...document.querySelectorAll(".message[data-role=user] .message__text")];
}

// Browsers make one themselves only for pages that came by https or from this machine.
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
