// Messages above or below those that are shown come before the reader is there. What somebody reads stays
// where it is.
const AHEAD = 1200;

export function connect(place) {
  const page = document.scrollingElement;
  const [link] = place.getElementsByTagName("a");
  const thread = place.parentElement;
  const isAbove = place.id === "earlier";
  let last = page.scrollTop;

  // Only on the way there: a page that has just come is at its top before it is at its end.
  const look = () => {
    const top = page.scrollTop;
    const isOnTheWay = isAbove ? top < last : top > last;
    last = top;
    if (!place.isConnected) return document.removeEventListener("scroll", look);
    const { top: above, bottom: below } = place.getBoundingClientRect();
    if (isOnTheWay && below > -AHEAD && above < innerHeight + AHEAD) link.click();
  };
  document.addEventListener("scroll", look, { passive: true });

  // Once it has failed, only who presses it asks again.
  place.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    if (!ctx.response?.ok) document.removeEventListener("scroll", look);
  });

  place.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
    const hadFocus = place.contains(document.activeElement);
    const stays = thread.querySelector(".message");
    const before = stays.getBoundingClientRect().top;
    // Else the browser moves as well, where it does so at all.
    page.style.overflowAnchor = "none";
    const swapped = (event) => {
      if (event.detail.ctx !== ctx) return;
      document.removeEventListener("htmx:finally:swap", swapped);
      page.scrollBy({ top: stays.getBoundingClientRect().top - before, behavior: "instant" });
      page.style.overflowAnchor = "";
      if (hadFocus) document.querySelector(`#${place.id} a, .message__time`)?.focus({ preventScroll: true });
    };
    document.addEventListener("htmx:finally:swap", swapped);
  });
}
