// Saves a draft on the server, so that it stands on other devices too. Where another one has written
// meanwhile, nothing is overwritten: both texts are shown, and whoever writes decides. It imports
// nothing that is fetched with the page, since that leads here.

const PAUSE = 1000;
const AGAIN = 10000;
// As many versions are named of which no answer tells whether they arrived; the server reads no more.
const UNANSWERED = 8;

export function saver(form, draft) {
  const place = document.getElementById("draft-elsewhere").firstElementChild;
  const [why, other] = place.querySelectorAll("p");
  let timer;
  let isOffering = false;

  const wait = () => clearTimeout(timer);
  const soon = (pause = PAUSE) => {
    wait();
    if (!draft.isSaved) timer = setTimeout(now, pause);
  };
  const settle = (version, isSaved = true) => {
    form.elements.draft.value = version;
    draft.isSaved = isSaved;
    draft.keep();
  };

  async function now({ isLast = false } = {}) {
    wait();
    if (draft.isSaved || isOffering || draft.isUnderWay) return;
    const { text } = draft;
    const version = draft.newVersion();
    const based = form.elements.draft.value;
    // Named before it is sent: should its answer be lost, it is known all the same.
    const [first, ...others] = `${based} ${version}`.trim().split(" ");
    form.elements.draft.value = [first, ...others.slice(-UNANSWERED)].join(" ");
    draft.keep();
    const answer = await ask({ text, version, based_on: based }, isLast);
    if (!answer || answer.status >= 500) return soon(AGAIN);
    if (answer.status === 409) return meet(await answer.json());
    // A send in between has named another version.
    if (!answer.ok || !form.elements.draft.value.includes(version)) return;
    settle(version, draft.text === text);
    soon();
  }

  async function refresh() {
    if (!draft.isSaved || isOffering) return;
    const answer = await ask();
    if (answer?.ok) meet(await answer.json());
  }

  function meet({ text, version }) {
    if (!version || form.elements.draft.value.split(" ").includes(version)) return;
    if (draft.text === text) return settle(version);
    if (draft.isSaved) {
      draft.put(text);
      return settle(version);
    }
    if (text) return offer(text, version);
    // It was sent from there, or is not wanted any more. What is written here has not been.
    settle(version, false);
    now();
  }

  function offer(text, version) {
    isOffering = true;
    show(text, "elsewhere");
    place.querySelector("[data-use]").onclick = () => {
      const mine = draft.text;
      isOffering = false;
      draft.put(text);
      settle(version);
      hide();
      if (mine) offerBack(mine);
    };
    place.querySelector("[data-keep]").onclick = () => {
      isOffering = false;
      settle(version, false);
      hide();
      now();
    };
  }

  // Nothing is lost by a choice.
  function offerBack(text) {
    show(text, "before");
    place.querySelector("[data-use]").onclick = () => {
      const mine = draft.text;
      draft.put(text);
      draft.isSaved = false;
      soon();
      hide();
      if (mine) offerBack(mine);
    };
    place.querySelector("[data-keep]").onclick = hide;
  }

  function show(text, reason) {
    why.textContent = why.dataset[reason];
    other.textContent = text;
    place.hidden = false;
  }

  function hide() {
    place.hidden = true;
    form.querySelector("textarea").focus();
  }

  async function ask(words, isLast = false) {
    const sent = words && {
      method: "POST",
      body: new URLSearchParams(words),
      headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
      keepalive: isLast,
    };
    try {
      return await fetch(form.dataset.saves, { redirect: "error", ...sent });
    } catch {
      // No line, or too much for a page that is left: it is kept here.
    }
  }

  for (const back of ["online", "htmx:ws:after:connection"]) addEventListener(back, () => now());
  form.addEventListener("composer:accepted", () => {
    isOffering = false;
    place.hidden = true;
  });
  return { now, soon, wait, meet, refresh };
}
