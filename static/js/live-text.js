// Changes at the end of text that is being written, as the server has rendered it: a place to cut, and
// HTML for the elements that are open there. What it is: chat/rendering/patches.py and frames.py.
//
// No module: the first change may come as soon as there is a socket, and each goes on from the one before it.
globalThis.liveText = (() => {
  // A third of the page's time is what text may take: whoever taps on a telephone waits for a drawing at most.
  // So a slow page shows in one step what came during several.
  const REST = 2;
  const LONGEST = 300;

  // Came, and is not shown yet.
  const held = [];
  let isResting = false;
  // The words that were added last.
  let words;

  const isText = (frame) => frame[0] === "+" || frame[0] === "[";

  function take(frame) {
    held.push(frame);
    // Nobody looks, and nothing is drawn.
    if (document.hidden) settle();
    else if (!isResting) show();
  }

  async function show() {
    isResting = true;
    const began = performance.now();
    settle();
    // Whatever watches the text has then done its part.
    await undefined;
    const written = performance.now() - began;
    await new Promise(requestAnimationFrame);
    const drawing = performance.now();
    await pause(0);
    await pause(Math.min(LONGEST, REST * (written + performance.now() - drawing)));
    isResting = false;
    if (held.length) show();
  }

  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  // Shows what is held: what comes next may replace what it belongs to.
  function settle() {
    try {
      for (const frame of held.splice(0)) write(frame);
    } catch {
      // Something else has changed the text: an extension that translates, say.
      location.reload();
    }
  }

  function write(frame) {
    if (frame[0] === "+") return lengthen(frame.slice(1));
    const [id, ...strokes] = JSON.parse(frame);
    for (const stroke of strokes) {
      if (typeof stroke === "string") lengthen(stroke);
      else change(id, ...stroke);
    }
  }

  function lengthen(more) {
    words?.appendData(more);
  }

  function change(id, isReasoning, path, nodes, units, ...parts) {
    words = undefined;
    const levels = [document.getElementById(`message-${id}-${isReasoning ? "reasoning-text" : "text"}`)];
    // Of a page that shows something else meanwhile.
    if (!levels[0]) return;
    for (const place of path) levels.unshift(levels[0].childNodes[place]);
    const isWhole = parts.length === levels.length;
    levels.forEach((level, height) => {
      if (height === 0) cut(level, nodes, units);
      else if (isWhole) cut(level, path.at(-height) + 1);
      add(level, parts[height]);
      if (height === 0 && level.lastChild?.nodeType === Node.TEXT_NODE) words = level.lastChild;
    });
  }

  function cut(level, nodes, units) {
    while (level.childNodes.length > nodes) level.lastChild.remove();
    if (units) level.lastChild.deleteData(units, level.lastChild.length - units);
  }

  function add(level, html) {
    if (!html) return;
    const range = document.createRange();
    range.selectNodeContents(level);
    const fragment = range.createContextualFragment(html);
    const [first, last] = [fragment.firstChild, level.lastChild];
    if (first?.nodeType === Node.TEXT_NODE && last?.nodeType === Node.TEXT_NODE) {
      last.appendData(first.data);
      first.remove();
    }
    level.append(fragment);
  }

  document.addEventListener("htmx:ws:before:message:incoming", (event) => {
    const frame = event.detail.message.data;
    if (!isText(frame)) return;
    event.preventDefault();
    take(frame);
  });
  document.addEventListener("htmx:before:swap", settle);
  document.addEventListener("visibilitychange", settle);

  return { isText, take };
})();
