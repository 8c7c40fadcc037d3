// How long a reply has been waited for, by the server's clock: "Thinking, 12 s".
const { timeOrigin } = performance;
const answered = timeOrigin + (performance.getEntriesByType("navigation")[0]?.responseStart ?? 0);
const skew = answered - document.documentElement.dataset.now * 1000;

export function connect(clock) {
  const show = () => {
    if (!clock.checkVisibility()) return clearInterval(timer);
    const seconds = Math.floor((Date.now() - skew) / 1000 - clock.dataset.since);
    if (seconds > 1) clock.textContent = `, ${seconds} s`;
  };
  const timer = setInterval(show, 1000);
  show();
}
