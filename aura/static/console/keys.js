/* Keys for those who work with them; everything they do a click does too. `?` lists them.

   Rows are what `ROWS` finds: each has one link that opens it. A button with `data-key="y"` or "n"
   is pressed by that key, after a question with its `data-confirm`. */
"use strict";
{
  const ROWS = ".rows > li .open, .rows tbody tr .open, #result_list tbody th a";
  let last = "";

  function move(by) {
    const rows = [...document.querySelectorAll(ROWS)];
    const here = rows.indexOf(document.activeElement);
    const next = rows[here < 0 ? (by > 0 ? 0 : rows.length - 1) : here + by];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  function press(key) {
    const button = document.querySelector(`button[data-key="${key}"]`);
    if (button) ask(button);
    else if (document.activeElement.matches(ROWS)) document.activeElement.click(); // it is decided there
  }

  /* The form says by itself what is missing, e.g. a reason, before anybody is asked. */
  function ask(button) {
    const needed = button.dataset.needs && button.form.elements[button.dataset.needs];
    if (needed && !needed.value.trim()) {
      needed.focus();
      return;
    }
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-labelledby", "ask-title");
    const title = Object.assign(document.createElement("h2"), { id: "ask-title", textContent: button.dataset.confirm });
    const yes = Object.assign(document.createElement("button"), { type: "button", className: button.className, textContent: button.textContent });
    const no = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: "Back", autofocus: true });
    const buttons = Object.assign(document.createElement("p"), { className: "buttons" });
    buttons.append(yes, no);
    dialog.append(title, buttons);
    document.body.append(dialog);
    yes.onclick = () => button.form.requestSubmit(button);
    no.onclick = () => dialog.close();
    dialog.onclose = () => dialog.remove();
    dialog.showModal();
  }

  const KEYS = {
    j: () => move(1),
    k: () => move(-1),
    y: () => press("y"),
    n: () => press("n"),
    "/": () => document.getElementById("searchbar")?.focus(),
    "?": () => document.getElementById("help")?.togglePopover(),
    i: () => last === "g" && document.getElementById("bar-inbox")?.click(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, dialog:modal, [contenteditable]")) return;
    if (event.key in KEYS) {
      event.preventDefault();
      KEYS[event.key]();
    }
    last = event.key;
  });
}
