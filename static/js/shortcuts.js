// Keys that hold on every page. What they do is what a button of the page does; where there is none they
// do nothing. `templates/chat/shortcuts.html` lists them.
const OPEN = ":popover-open:not(.panel--beside), dialog[open], .again[open]";
// Where the settings stand beside the thread, keys pressed outside of them are the thread's.
const isWide = matchMedia("(min-width: 85rem)");
const isOpen = () => document.querySelector(isWide.matches ? `${OPEN}, .panel--beside:focus-within` : `${OPEN}, :popover-open`);

const isTyping = ({ target }) => target.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const composer = () => document.getElementById("composer-text");

export function connect() {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented || event.altKey) return;
    const deed = deedOf(event);
    if (!deed) return;
    event.preventDefault();
    deed();
  });
}

function deedOf(event) {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key === "k" && !event.shiftKey) return openPalette;
    if (key === "o" && event.shiftKey) return () => document.querySelector(".sidebar__new").click();
    return;
  }
  // Whatever is open takes Escape for itself.
  if (key === "escape" && !isOpen()) return pressing(document.getElementById("stop"));
  if (isTyping(event) || isOpen()) return;
  if (key === ">") return pressing(document.querySelector("#quote:not([hidden])"));
  if (key === "?") return async () => (await import("./sheet.js")).act(document.getElementById("keys-link"));
  if (key === "/" && composer()) return () => composer().focus();
}

// Whoever knows the way types on at once: what comes before the palette is there is meant for it.
async function openPalette() {
  let typed = "";
  const collect = (event) => {
    if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    typed += event.key;
  };
  document.addEventListener("keydown", collect, { capture: true });
  try {
    const palette = await import("./palette.js");
    await palette.act(undefined, () => typed);
  } finally {
    document.removeEventListener("keydown", collect, { capture: true });
  }
}

function pressing(button) {
  return button && (() => button.click());
}
