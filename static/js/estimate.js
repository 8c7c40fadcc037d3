// How much the next request would send, as far as the server knows it, and what is being typed.
export function show(box) {
  const place = document.getElementById("estimate");
  if (!place?.dataset.words) return;
  const { history, rate, few, words } = place.dataset;
  const tokens = Math.ceil(Number(history) + box.value.length * Number(rate));
  const about = tokens.toLocaleString(document.documentElement.lang, { maximumSignificantDigits: 2, useGrouping: "always" });
  place.textContent = tokens < Number(few) ? "" : words.replace("#", about);
}
