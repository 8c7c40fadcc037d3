// The browser asks before a page goes with what was changed in it and not saved.
export const FIELDS = "select, textarea, input:not([type=hidden])";

// The settings of a new chat leave with its first message, and their page after them.
const stay = (event) => document.querySelector(".composer[aria-busy=true]") || event.preventDefault();

// `tell` hears whether something is changed. What was refused, and stands in the form again, is not saved either.
export function connect(place, tell = () => {}) {
  const look = () => {
    const isChanged = "refused" in place.dataset || [...place.querySelectorAll(FIELDS)].some(differs);
    tell(isChanged);
    // Only as long as it is needed: browsers keep no page that listens for it.
    if (isChanged) addEventListener("beforeunload", stay);
    else removeEventListener("beforeunload", stay);
  };

  place.addEventListener("input", look);
  place.addEventListener("reset", () => setTimeout(look));
  // A dialog's own form only answers its question.
  place.addEventListener("submit", ({ target }) => target.method !== "dialog" && removeEventListener("beforeunload", stay));
  look();
}

function differs(field) {
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (!field.options) return field.value !== field.defaultValue;
  return field.value !== (field.querySelector("[selected]") ?? field.options[0]).value;
}
