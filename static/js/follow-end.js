// The newest text stays in view while the reader is at the end; else a button says that there is more.
const NEAR = 80;

export function connect(thread) {
  const page = document.scrollingElement;
  const button = document.querySelector(".dock__follow");
  // Whoever comes for one message stays there.
  let following = !location.hash;
  let last = page.scrollTop;

  const below = () => page.scrollHeight - page.scrollTop - page.clientHeight;
  const toEnd = () => {
    page.scrollTo({ top: page.scrollHeight, behavior: "instant" });
    // The event comes with the next frame, maybe with the reader's way up in it already.
    last = page.scrollTop;
  };
  const grew = () => {
    // Whoever moved up is let go, though the event of it comes only with the next frame.
    if (page.scrollTop < last && below() > 1) following = false;
    if (following) toEnd();
    else button.hidden = false;
  };

  // Only the reader's own scrolling says whether to follow: text that comes moves the end away. The
  // least way up lets go, even near the end, and the way down takes hold again there.
  document.addEventListener("scroll", () => {
    const top = page.scrollTop;
    if (top < last && below() > 1) following = false;
    else if (top > last && below() < NEAR) following = true;
    last = top;
    if (following || below() <= 1) button.hidden = true;
  }, { passive: true });
  button.addEventListener("click", () => {
    following = true;
    button.hidden = true;
    toEnd();
  });
  document.querySelector(".composer")?.addEventListener("submit", () => {
    following = true;
  });
  document.addEventListener("edit:accepted", () => {
    following = true;
    toEnd();
  });
  // A form in which a message is edited is no new text.
  const isForm = ({ addedNodes, removedNodes }) =>
    [...addedNodes, ...removedNodes].some((node) => node.classList?.contains("edit"));
  new MutationObserver((changes) => changes.every(isForm) || grew()).observe(thread, { childList: true, subtree: true, characterData: true });
  new ResizeObserver(() => following && toEnd()).observe(document.querySelector(".dock"));
  if (following) toEnd();

  // A message that is replaced keeps its place in view, and open what the reader had opened in it.
  document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
    const open = [...thread.querySelectorAll("details[id][open]")].map((element) => element.id);
    const place = following ? undefined : placeIn(thread);
    if (!open.length && !place) return;
    // Of this very swap: the next one may have begun before this one has ended.
    const swapped = (event) => {
      if (event.detail.ctx !== ctx) return;
      document.removeEventListener("htmx:finally:swap", swapped);
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      if (place) goBackTo(place, page);
    };
    document.addEventListener("htmx:finally:swap", swapped);
  });
}

// The message at the top of the view and how much of it is above: in text that becomes Markdown the
// same words stand about as far down as they did.
function placeIn(thread) {
  for (const message of thread.children) {
    const { top, bottom, height } = message.getBoundingClientRect();
    if (top < 0 && bottom > 0) return { message, share: -top / height };
  }
}

// One that only grew is where it was.
function goBackTo({ message, share }, page) {
  if (message.isConnected) return;
  const now = document.getElementById(message.id)?.getBoundingClientRect();
  if (now) page.scrollBy({ top: now.top + share * now.height, behavior: "instant" });
}
