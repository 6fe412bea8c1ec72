/* Where something is decided: says when what is shown has moved on, and keeps what was typed when
   the session ends before it is sent. Without this script the server says so, and keeps what
   was sent too late (`governance.kept`). */
"use strict";
{
  const KEPT = "aura-kept ";

  /* `#now` is renewed by live.js; `#decide` stays as it was read. */
  function compare() {
    const shown = document.getElementById("decide")?.dataset.shows;
    const now = document.getElementById("now");
    if (!shown || !now || now.dataset.waits === shown) return;
    document.getElementById("moved").hidden = false;
    for (const button of document.querySelectorAll("#decide button, .decide-bar button")) button.disabled = true;
    document.querySelector(".decide-bar")?.remove();
  }

  function texts(form) {
    return [...form.querySelectorAll("textarea")];
  }

  function keep(form) {
    const typed = Object.fromEntries(texts(form).filter((each) => each.value).map((each) => [each.name, each.value]));
    sessionStorage.setItem(KEPT + form.dataset.keep, JSON.stringify(typed));
  }

  function restore(form) {
    const typed = JSON.parse(sessionStorage.getItem(KEPT + form.dataset.keep) ?? "{}");
    for (const area of texts(form)) {
      if (!typed[area.name] || area.value) continue;
      area.value = typed[area.name];
      area.closest("details")?.setAttribute("open", "");
      area.after(Object.assign(document.createElement("p"), { className: "kept", textContent: "This is what you typed before." }));
    }
  }

  for (const form of document.querySelectorAll("form[data-keep]")) {
    restore(form);
    form.addEventListener("input", () => keep(form));
  }
  function forget() {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(KEPT)) sessionStorage.removeItem(key);
  }

  for (const form of document.querySelectorAll(".whoami form")) form.addEventListener("submit", forget);
  document.addEventListener("aura:renewed", compare);
}
