// The newest text stays in view while the reader is at the end; else a button says that there is more.
const NEAR = 80;

export function connect(thread) {
  const page = document.scrollingElement;
  const button = document.querySelector(".dock__follow");
  let following = true;

  const atEnd = () => page.scrollHeight - page.scrollTop - page.clientHeight < NEAR;
  const toEnd = () => page.scrollTo({ top: page.scrollHeight, behavior: "instant" });
  const grew = () => {
    if (following) toEnd();
    else button.hidden = false;
  };

  // Only the reader's own scrolling says whether to follow: text that comes moves the end away.
  let last = page.scrollTop;
  document.addEventListener("scroll", () => {
    if (atEnd()) following = true;
    else if (page.scrollTop < last) following = false;
    last = page.scrollTop;
    if (following) button.hidden = true;
  }, { passive: true });
  button.addEventListener("click", () => {
    following = true;
    button.hidden = true;
    toEnd();
  });
  document.querySelector(".composer")?.addEventListener("composer:accepted", () => {
    following = true;
  });
  new MutationObserver(grew).observe(thread, { childList: true, subtree: true, characterData: true });
  new ResizeObserver(() => following && toEnd()).observe(document.querySelector(".dock"));
  if (!location.hash) toEnd();
  keepOpen(thread);
}

// A message that is replaced keeps what the reader had opened in it.
function keepOpen(thread) {
  document.addEventListener("htmx:before:swap", () => {
    const open = [...thread.querySelectorAll("details[id][open]")].map((element) => element.id);
    if (!open.length) return;
    document.addEventListener("htmx:after:swap", () => {
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    }, { once: true });
  });
}
