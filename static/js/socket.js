// Keeps the page live. Opens another socket at once where this one is dead without having said so, as
// after a night in a closed laptop; where none gets through, the page asks instead, and tries a socket
// now and then. Tells the page of it as `line:lost`, `line:live` and `line:over`.
import { makePolling } from "./polling.js";

// How long an answer to a question may take, a connection has to last, and a beat may come late.
const ANSWER = 700;
const LASTING = 300;
const BEAT = 2000;
const SLEPT = 15000;
// After so many failures, or so long without a socket, the page asks.
const FAILURES = 3;
const WITHOUT = 5000;
const ANOTHER_TRY = 60000;

export function connect(place) {
  const pattern = place.firstElementChild.cloneNode();
  const url = new URL(pattern.getAttribute("hx-ws:connect"), location);
  const tell = (name) => document.dispatchEvent(new Event(name));
  let failures = 0;
  let last = Date.now();
  let answer, lasting, without, another;

  // Where hx-ws itself keeps it: its events come only later, or came before this was fetched.
  const socket = () => place.firstElementChild?._htmx?.ws?.connection?.socket;
  const isOpen = () => socket()?.readyState === WebSocket.OPEN;

  const polling = makePolling(place.dataset.changes, url.searchParams.get("since"), {
    works: () => tell("line:live"),
    fails: () => {
      failures = 0;
      lost();
      if (!place.firstElementChild) renew();
    },
    ends: () => tell("line:over"),
  });

  function drop() {
    clearTimeout(another);
    socket()?.close();
    place.replaceChildren();
  }

  // Another element is another connection, without a pause.
  function renew() {
    drop();
    url.searchParams.set("since", polling.revision());
    const fresh = pattern.cloneNode();
    fresh.setAttribute("hx-ws:connect", url.pathname + url.search);
    place.append(fresh);
    htmx.process(fresh);
  }

  function lost() {
    for (const timer of [lasting, answer, without]) clearTimeout(timer);
    without = setTimeout(polling.start, WITHOUT);
    tell("line:lost");
  }

  // One that is closed again at once, by a proxy or a server that is full, is no line. But from here on
  // nothing is shown twice.
  function opened() {
    clearTimeout(without);
    polling.stop();
    clearTimeout(lasting);
    lasting = setTimeout(() => {
      failures = 0;
      tell("line:live");
    }, LASTING);
  }

  function closed() {
    failures += 1;
    if (failures < FAILURES) return lost();
    clearTimeout(lasting);
    clearTimeout(without);
    if (!polling.isOn()) tell("line:lost");
    polling.start();
    // The first tries go on beside the asking: the server may just have come back.
    if (failures <= FAILURES) return;
    drop();
    another = setTimeout(renew, ANOTHER_TRY);
  }

  function ask() {
    if (polling.isOn()) return polling.soon();
    if (!isOpen()) return renew();
    socket().send("ping");
    clearTimeout(answer);
    answer = setTimeout(() => {
      lost();
      renew();
    }, ANSWER);
  }

  if (!isOpen()) without = setTimeout(polling.start, WITHOUT);
  place.addEventListener("htmx:ws:after:connection", opened);
  place.addEventListener("htmx:ws:close", (event) => event.detail.code && closed());
  place.addEventListener("htmx:ws:before:message:incoming", (event) => {
    clearTimeout(answer);
    if (event.detail.message.data === "pong") event.preventDefault();
  });
  document.addEventListener("htmx:finally:request", polling.soon);
  for (const sign of ["online", "offline"]) window.addEventListener(sign, ask);
  document.addEventListener("resume", ask);
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  setInterval(() => {
    const now = Date.now();
    if (now - last > SLEPT) ask();
    last = now;
  }, BEAT);
}
