// The settings of a chat, beside it where there is room. What was changed there is not lost without a question.
import { FIELDS, connect as watch } from "./unsaved.js";

const known = new WeakSet();

export function open(panel) {
  if (!known.has(panel)) connect(panel);
  // Whoever was faster than this script is left where they are.
  if (!panel.contains(document.activeElement)) panel.querySelector(FIELDS).focus();
}

function connect(panel) {
  known.add(panel);
  // In a new chat they go with its first message, and closing the panel loses nothing.
  const form = panel.querySelector("form");
  const question = panel.querySelector("dialog");
  const close = () => {
    if (!form || !panel.hasAttribute("data-changed")) return panel.hidePopover();
    question.returnValue = "";
    question.showModal();
  };

  // Listened to once for all: its end is told of later than it closes, and it may be open again by then.
  question?.addEventListener("close", () => {
    if (question.returnValue === "save") return form.requestSubmit();
    if (question.returnValue !== "discard") return;
    form.reset();
    panel.hidePopover();
  });
  watch(panel, (isChanged) => panel.toggleAttribute("data-changed", isChanged));
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[popovertarget]");
    if (button?.popoverTargetElement !== panel || !panel.matches(":popover-open")) return;
    event.preventDefault();
    close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || !panel.matches(":popover-open")) return;
    // An open list, or a dialog, has it for itself.
    if (document.querySelector("dialog[open]") || isListOpen(event.target)) return;
    // Else the same press would close what asks.
    event.preventDefault();
    close();
  });
}

function isListOpen(target) {
  const list = CSS.supports("selector(:open)") && target.closest?.("select");
  return list && list.matches(":open");
}
