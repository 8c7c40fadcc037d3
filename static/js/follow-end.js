// The newest text stays in view while the reader is at the end; else a button says that there is more.
const NEAR = 80;

export function connect(thread) {
  const page = document.scrollingElement;
  const button = document.querySelector(".dock__follow");
  const below = () => page.scrollHeight - page.scrollTop - page.clientHeight;
  let last = page.scrollTop;
  // Whoever comes for one message stays there, and so does who has scrolled before this came. The place
  // that a browser remembers would look like that, and the end is further down by now.
  let following = !location.hash && (!last || below() < NEAR);
  if (following) history.scrollRestoration = "manual";

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
  // No new text: a form in which a message is edited, messages that were there before, and the clock.
  const other = ".edit, .more, .edit *, [data-behavior=waiting]";
  // One that is replaced comes before its old self, which then goes.
  const isAbove = ({ target, nextSibling: next, removedNodes }) => target === thread && !removedNodes.length
    && (next?.matches ? next : next?.nextElementSibling)?.matches(".message, .more");
  const isAside = ({ target, addedNodes, removedNodes }) => target.matches?.(other)
    || [...addedNodes, ...removedNodes].some((node) => node.matches?.(other));
  const isOther = (change) => isAbove(change) || isAside(change);
  new MutationObserver((changes) => changes.every(isOther) || grew()).observe(thread, { childList: true, subtree: true, characterData: true });
  new ResizeObserver(() => following && toEnd()).observe(document.querySelector(".dock"));
  // A telephone's keyboard leaves less of the page.
  window.addEventListener("resize", () => following && toEnd());
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

// The first block of text in view, of the message at its top: what replaces the message has it too, at the
// same place among the blocks. Text without blocks has its share above instead.
function placeIn(thread) {
  for (const message of thread.children) {
    const { top: begin, bottom, height } = message.getBoundingClientRect();
    if (begin >= 0 || bottom <= 0) continue;
    const blocks = [...blocksOf(message)].map((block) => block.getBoundingClientRect());
    const index = blocks.findIndex((block) => block.bottom > 0);
    return { message, index, top: blocks[index]?.top, share: -begin / height };
  }
}

// One that only grew is where it was.
function goBackTo({ message, index, top, share }, page) {
  const now = message.isConnected ? null : document.getElementById(message.id);
  if (!now) return;
  const block = blocksOf(now)[index]?.getBoundingClientRect();
  const { top: begin, height } = now.getBoundingClientRect();
  page.scrollBy({ top: block ? block.top - top : begin + share * height, behavior: "instant" });
}

const blocksOf = (message) => message.querySelectorAll(".message__text > *");
