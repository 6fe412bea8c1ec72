/* Renews parts of a page as things happen, without a reload.

   An element with `data-live` and an id is replaced by the one of that id from a fresh answer.
   The attribute's value names the events it waits for (those of GET /api/stream); empty: all that
   change what waits for people. With `data-ticket` only events of that ticket count. With
   `data-every` the page is asked for again after so many seconds, without an event.
   The server writes all HTML; without this script pages have a link to load them again. */
"use strict";
{
  const WAITING = ["status_changed", "approval_needed", "question_asked", "waiting_changed"];
  const TROUBLES = {
    broken: "not connected; trying again",
    ended: "you are logged out; load the page again",
  };
  const NUMBER = /^\(\d+\)/; // in a title
  // After an answer a page rests: so many times as long as that took, for a server that is slow has
  // much to do. What nobody looks at asks for its counts alone, and seldom.
  const REST = 2;
  const [LEAST_MS, MOST_MS, HIDDEN_MS] = [200, 1000, 5000];
  const SILENT_MS = 75_000; // a stream says something every 30 s
  const RETRY_MS = 2000; // twice as long each time, up to
  const MOST_RETRY_MS = 30_000;
  const { stream, events, counts } = document.body.dataset;
  const main = document.getElementById("content-start");
  let wanted = false; // something happened since the last answer was asked for
  let whole = false; // and it concerns the page itself, not the counts alone
  let asking = false;
  let rested = () => {}; // ends a rest
  let retry = RETRY_MS;
  let again; // when what moves by itself is looked at again

  const lives = () => [...document.querySelectorAll("[data-live][id]")];

  function concerns(element, event) {
    if (event.name === "connected") return true; // what was missed meanwhile
    const names = element.dataset.live ? element.dataset.live.split(" ") : WAITING;
    const { ticket } = element.dataset;
    return names.includes(event.name) && (!ticket || ticket === event.ticket);
  }

  function heard(event) {
    if (event.name in TROUBLES) return say(TROUBLES[event.name]);
    const concerned = lives().filter((element) => concerns(element, event));
    if (!concerned.length) return;
    wanted = true;
    whole ||= concerned.some((element) => main.contains(element));
    renew();
  }

  async function renew() {
    if (asking || !wanted) return;
    asking = true;
    const unseen = document.hidden;
    const url = whole && !unseen ? location.href : counts;
    wanted = false;
    whole &&= unseen; // until somebody looks
    const began = performance.now();
    try {
      const answer = await fetch(url, { headers: { Accept: "text/html" } });
      if (answer.redirected) return say(TROUBLES.ended);
      if (!answer.ok) lookAgain();
      else show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      say(TROUBLES.broken);
      lookAgain();
    } finally {
      const tired = REST * (performance.now() - began);
      await rest(unseen ? HIDDEN_MS : Math.min(Math.max(LEAST_MS, tired), MOST_MS));
      asking = false;
      renew();
    }
  }

  function rest(ms) {
    return new Promise((done) => {
      rested = done;
      setTimeout(done, ms);
    });
  }

  function looked() {
    if (document.hidden || !whole) return;
    wanted = true;
    rested();
    renew();
  }

  function show(fresh) {
    for (const old of lives()) {
      const made = fresh.getElementById(old.id);
      if (made && !typing(old)) replace(old, made);
    }
    const [number] = fresh.title.match(NUMBER) ?? [""];
    const title = `${number} ${document.title.replace(NUMBER, "").trim()}`.trim();
    if (document.title !== title) {
      document.title = title;
      document.getElementById("live-said").textContent = `${number || "nothing"} waiting`;
    }
    say(`live, ${new Date().toISOString().slice(11, 19)} UTC`);
    lookAgain();
    document.dispatchEvent(new CustomEvent("aura:renewed"));
  }

  /* What moves by itself, such as a progress, tells the stream of nothing. */
  function lookAgain() {
    clearTimeout(again);
    const [seconds] = lives().map((element) => Number(element.dataset.every)).filter(Boolean);
    if (seconds) again = setTimeout(() => ((wanted = whole = true), renew()), seconds * 1000);
  }

  /* What somebody writes is theirs: nothing takes it away. */
  function typing(element) {
    const fields = [...element.querySelectorAll("textarea, input:not([type=hidden]), select")];
    return fields.some((field) => field === document.activeElement || field.value !== (field.defaultValue ?? field.value));
  }

  function replace(old, made) {
    if (old.isEqualNode(made)) return;
    const held = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const open = [...old.querySelectorAll("details[id][open]")].map((each) => each.id);
    old.replaceWith(document.adoptNode(made));
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (held) made.querySelector(`[href="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  }

  function say(words) {
    for (const place of document.querySelectorAll("[data-live-state]")) place.textContent = words;
  }

  /* One tab holds the connection for all: browsers open six to a server at most. */
  const channel = new BroadcastChannel("aura-live");
  channel.onmessage = (message) => heard(message.data);

  function tell(event) {
    channel.postMessage(event);
    heard(event);
  }

  /* As long as the page is there and the login lasts; then another tab may try. */
  async function listen() {
    do await over(new EventSource(stream));
    while (await stillIn());
  }

  /* Ends with the connection. A browser mends one that broke, but not after an answer that is no
     stream, such as a proxy's while the server starts, nor one that is dead without a word, as
     after a laptop has slept. */
  function over(source) {
    return new Promise((done) => {
      let last = Date.now();
      const watch = setInterval(() => {
        if (source.readyState !== EventSource.CLOSED && Date.now() - last < SILENT_MS) return;
        clearInterval(watch);
        source.close();
        done();
      }, RETRY_MS);
      source.onerror = () => tell({ name: "broken" });
      for (const name of ["connected", "heartbeat", ...events.split(" ")]) {
        source.addEventListener(name, (message) => {
          last = Date.now();
          if (name === "connected") retry = RETRY_MS;
          tell({ name, ticket: JSON.parse(message.data).ticketId });
        });
      }
    });
  }

  /* Waits for the server, and asks it whether the login lasts. */
  async function stillIn() {
    for (;;) {
      tell({ name: "broken" });
      await new Promise((done) => setTimeout(done, retry));
      retry = Math.min(2 * retry, MOST_RETRY_MS);
      const answer = await fetch(counts).catch(() => null);
      if (answer?.redirected) break;
      if (answer?.ok) return true;
    }
    tell({ name: "ended" });
    return false;
  }

  if (stream) {
    navigator.locks ? navigator.locks.request("aura-live", listen) : listen();
    lookAgain();
    document.addEventListener("visibilitychange", looked);
    addEventListener("pageshow", (event) => event.persisted && heard({ name: "connected" }));
    say("live");
  }
}
