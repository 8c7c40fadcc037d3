// A passage that is selected in a message goes into the composer as a quotation.
import { markdown, quoted } from "./passage.js";
import { onTouch } from "./sending.js";

// What a phone shows of its own at the end of a selection stays free.
const BELOW = 8, BELOW_HANDLES = 32, EDGE = 8;

let passage;

export function look(button) {
  passage = selected();
  button.hidden = !passage;
  if (passage) put(button);
}

export function act(button) {
  if (!passage) return;
  const box = document.getElementById("composer-text");
  const before = box.value.trimEnd();
  const words = `${before && `${before}\n\n`}${quoted(markdown(passage))}\n\n`;
  getSelection().removeAllRanges();
  look(button);
  box.value = words;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.focus();
  box.setSelectionRange(words.length, words.length);
  box.scrollTop = box.scrollHeight;
}

// Out of one message: what is between two of them is not what somebody wrote.
function selected() {
  const selection = getSelection();
  if (selection.isCollapsed || !selection.toString().trim()) return;
  const range = selection.getRangeAt(0);
  const { commonAncestorContainer: within } = range;
  const element = within.nodeType === Node.ELEMENT_NODE ? within : within.parentElement;
  return element.closest(".message__text") ? range.cloneRange() : undefined;
}

function put(button) {
  const end = [...passage.getClientRects()].at(-1);
  if (!end) return;
  const dock = document.querySelector(".dock").getBoundingClientRect();
  const header = document.querySelector(".header").getBoundingClientRect();
  const { width, height } = button.getBoundingClientRect();
  const top = end.bottom + (onTouch.matches ? BELOW_HANDLES : BELOW);
  const left = Math.max(EDGE, Math.min(end.right - width / 2, document.documentElement.clientWidth - width - EDGE));
  button.style.top = `${Math.max(header.bottom + EDGE, Math.min(top, dock.top - height - EDGE))}px`;
  button.style.left = `${left}px`;
}

const button = () => document.getElementById("quote");
document.addEventListener("selectionchange", () => button() && look(button()));
document.addEventListener("scroll", () => passage && button() && put(button()), { passive: true });
// A press on the button is not to take away what it is about.
document.addEventListener("mousedown", (event) => event.target.closest?.("#quote") && event.preventDefault());
