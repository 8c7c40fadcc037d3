// Asks for what a socket would have shown, about once a second while an answer is being written.
const RUNNING = 1000;
const CALM = 5000;
const HIDDEN = 4;
const PATIENCE = 10000;

// `works` and `fails` are called after each answer and at the first that does not come, `ends` when the
// conversation is not to be seen any more.
export function makePolling(address, revision, { works, fails, ends }) {
  let seen;
  let timer;
  // What is on its way is of no use any more once this has changed.
  let turn = 0;
  let isOn = false;

  const pause = () => (seen.includes("reply=") ? RUNNING : CALM) * (document.hidden ? HIDDEN : 1);

  async function look() {
    const mine = ++turn;
    clearTimeout(timer);
    const { answer, frames } = await ask(`${address}?${seen}`);
    if (mine !== turn) return;
    if (answer?.type === "opaqueredirect" || answer?.status === 404) return ends();
    if (!answer?.ok) {
      stop();
      return fails();
    }
    seen = answer.headers.get("Evoweb-Seen");
    for (const frame of frames) await show(frame);
    if (mine !== turn) return;
    timer = setTimeout(look, pause());
    works();
  }

  function start() {
    if (isOn) return;
    isOn = true;
    // How much of a running answer the page shows is not known: it comes whole once.
    seen = `since=${currentRevision()}`;
    look();
  }

  function stop() {
    isOn = false;
    turn += 1;
    clearTimeout(timer);
  }

  const currentRevision = () => new URLSearchParams(seen).get("since") ?? revision;

  return { start, stop, soon: () => isOn && look(), isOn: () => isOn, revision: currentRevision };
}

async function ask(address) {
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const answer = await fetch(address, { redirect: "manual", cache: "no-store", signal });
    return { answer, frames: answer.status === 200 ? await answer.json() : [] };
  } catch {
    return { frames: [] };
  }
}

// As hx-ws does it with what comes over a socket.
function show(frame) {
  if (liveText.isText(frame)) return liveText.take(frame);
  const thread = document.getElementById("thread");
  return htmx.swap({
    sourceElement: thread, target: thread, swap: "none swapEmpty:false", text: frame, transition: false,
  });
}
