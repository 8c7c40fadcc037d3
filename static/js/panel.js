// A panel with a form stays until it is saved or cancelled: a click beside it would lose what was changed.
export function connect(panel) {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel.matches(":popover-open")) panel.hidePopover();
  });
  panel.addEventListener("toggle", (event) => {
    if (event.newState === "closed") return panel.querySelector("form").reset();
    panel.querySelector("select, input:not([type=hidden])").focus();
  });
}
