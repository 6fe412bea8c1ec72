/* Renews parts of a page as things happen, without a reload.

   An element with `data-live` and an id is replaced by the one of that id from a fresh answer.
   The attribute's value names the events it waits for (those of GET /api/stream); empty: all that
   change what waits for people. With `data-ticket` only events of that ticket count.
   The server writes all HTML; without this script pages have a link to load them again. */
"use strict";
{
  const WAITING = ["status_changed", "approval_needed", "question_asked", "waiting_changed"];
  const NUMBER = /^\(\d+\)/; // in a title
  const EVERY_MS = 1000; // at most so often a page asks for itself
  const { stream, events, counts } = document.body.dataset;
  const main = document.getElementById("content-start");
  let wanted = false; // something happened since the last answer was asked for
  let whole = false; // and it concerns the page itself, not the counts alone
  let asking = false;

  const lives = () => [...document.querySelectorAll("[data-live][id]")];

  function concerns(element, event) {
    if (event.name === "connected") return true; // what was missed meanwhile
    const names = element.dataset.live ? element.dataset.live.split(" ") : WAITING;
    const { ticket } = element.dataset;
    return names.includes(event.name) && (!ticket || ticket === event.ticket);
  }

  function heard(event) {
    if (event.name === "broken") return say("not connected; trying again");
    const concerned = lives().filter((element) => concerns(element, event));
    if (!concerned.length) return;
    wanted = true;
    whole ||= concerned.some((element) => main.contains(element));
    renew();
  }

  async function renew() {
    if (asking || !wanted) return;
    asking = true;
    const url = whole ? location.href : counts;
    wanted = whole = false;
    const pause = new Promise((done) => setTimeout(done, EVERY_MS));
    try {
      const answer = await fetch(url, { headers: { Accept: "text/html" } });
      if (answer.redirected) return say("you are logged out; load the page again");
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      say("not connected; trying again");
    } finally {
      await pause;
      asking = false;
      renew();
    }
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
    document.dispatchEvent(new CustomEvent("aura:renewed"));
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

  function listen() {
    const source = new EventSource(stream);
    source.onerror = () => tell({ name: "broken" });
    for (const name of ["connected", ...events.split(" ")]) {
      source.addEventListener(name, (message) => tell({ name, ticket: JSON.parse(message.data).ticketId }));
    }
    return new Promise(() => {}); // as long as the page is there
  }

  if (stream) {
    navigator.locks ? navigator.locks.request("aura-live", listen) : listen();
    addEventListener("pageshow", (event) => event.persisted && heard({ name: "connected" }));
    say("live");
  }
}
