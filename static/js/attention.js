// A reply that finished in a tab nobody looks at marks the tab, until somebody does.
const MARK = "● ";

export function connect(status) {
  if (!status) return;
  const icon = document.querySelector("link[rel=icon]");
  const calm = icon.href;

  const mark = () => {
    const running = document.querySelector(":is([data-state=waiting], [data-state=streaming])");
    if (!document.hidden || running || document.title.startsWith(MARK)) return;
    document.title = MARK + document.title;
    icon.href = icon.dataset.finished;
  };
  const unmark = () => {
    if (document.hidden) return;
    document.title = document.title.replace(MARK, "");
    icon.href = calm;
  };

  new MutationObserver(mark).observe(status, { childList: true });
  document.addEventListener("visibilitychange", unmark);
}
