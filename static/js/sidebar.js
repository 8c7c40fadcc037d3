// The sidebar: folded away and remembered on a wide page, a dialog over a narrow one.
const wide = matchMedia("(min-width: 60rem)");
const root = document.documentElement;
const drawer = document.querySelector(".sidebar");
const rest = document.querySelector(".page__body");

export function act() {
  if (wide.matches) fold();
}

function fold() {
  const closed = root.dataset.sidebar !== "closed";
  root.dataset.sidebar = closed ? "closed" : "open";
  document.cookie = `sidebar=${root.dataset.sidebar}; path=/; max-age=31536000; samesite=lax`;
  document.querySelector(closed ? ".header__expand" : ".sidebar__collapse").focus();
}

// The browser itself opens the drawer, closes it, also by Escape, and gives the focus back.
function cover(isOpen) {
  rest.inert = isOpen;
  if (isOpen) {
    drawer.setAttribute("role", "dialog");
    drawer.setAttribute("aria-modal", "true");
    drawer.querySelector(".sidebar__close").focus();
  } else {
    drawer.removeAttribute("role");
    drawer.removeAttribute("aria-modal");
  }
}

drawer.addEventListener("toggle", (event) => event.newState === "open" && cover(true));
// Before, because nothing that is inert could take the focus.
drawer.addEventListener("beforetoggle", (event) => event.newState === "closed" && cover(false));
wide.addEventListener("change", () => drawer.matches(":popover-open") && drawer.hidePopover());
if (drawer.matches(":popover-open")) cover(true);
